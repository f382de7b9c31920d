// A room's files that are on their way, or did not get there: a line for each.
import type { Transfer } from "./files.js";

interface Props {
  transfers: readonly Transfer[];
  onDrop: (id: number) => void;
}

export function Transfers({ transfers, onDrop }: Props) {
  return (
    <ul className="transfers" aria-label="Files on their way">
      {transfers.map(({ id, name, part, problem }) => (
        <li key={id}>
          <span className="name">{name}</span>
          {problem ? (
            <span className="problem" role="alert">
              {problem}
            </span>
          ) : (
            <progress aria-label={name} {...(part !== undefined && { value: part })} />
          )}
          <button className="quiet" aria-label={`${problem ? "Dismiss" : "Cancel"} ${name}`} onClick={() => onDrop(id)}>
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}
