// The connection, always in sight (S3.17, S4.33), and what went wrong last.
import type { Connection } from "@chinwag/react";

interface Props {
  connection: Connection;
  problem: string | null;
  title: string;
  isSideOpen: boolean;
  onMenu: () => void;
  onReconnect: () => void;
}

export function StatusBar({ connection, problem, title, isSideOpen, onMenu, onReconnect }: Props) {
  return (
    <header className="bar">
      <button className="menu" aria-expanded={isSideOpen} aria-controls="side" aria-label="Rooms and people" onClick={onMenu}>
        ☰
      </button>
      <h1>{title}</h1>
      <p className="problem" role="alert">
        {problem}
      </p>
      <p className={`connection ${connection.state}`} role="status">
        <span className="dot" aria-hidden="true" /> {words(connection)}
      </p>
      {connection.state === "waiting" && <button onClick={onReconnect}>Now</button>}
      {connection.state === "ended" && <button onClick={() => location.reload()}>Connect again</button>}
    </header>
  );
}

function words(connection: Connection): string {
  switch (connection.state) {
    case "connecting":
      return "Connecting…";
    case "connected":
      return "Connected";
    case "waiting":
      return `Disconnected, again in ${Math.max(1, Math.round(connection.retryIn / 1_000))} s`;
    case "ended":
      return connection.code === 4500 ? "Disconnected: you are connected elsewhere" : "Disconnected";
  }
}
