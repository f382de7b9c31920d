// The connection, always in sight (S3.17, S4.33), and what went wrong last.
import type { Connection } from "@chinwag/react";
import { useEffect, useState } from "react";

interface Props {
  connection: Connection;
  problem: string | null;
  title: string;
  isSideOpen: boolean;
  onMenu: () => void;
  onReconnect: () => void;
  onForgive: () => void;
}

export function StatusBar({ connection, problem, title, isSideOpen, onMenu, onReconnect, onForgive }: Props) {
  return (
    <header className="bar">
      <button className="menu" aria-expanded={isSideOpen} aria-controls="side" aria-label="Rooms and people" onClick={onMenu}>
        ☰
      </button>
      <h1>{title}</h1>
      <p className="problem" role="alert">
        {problem}{" "}
        {problem && (
          <button className="quiet" aria-label="Dismiss" onClick={onForgive}>
            ×
          </button>
        )}
      </p>
      <p className={`connection ${connection.state}`} role="status">
        <span className="dot" aria-hidden="true" /> {words(connection)}
        {connection.state === "waiting" && <Countdown key={connection.retryIn} from={connection.retryIn} />}
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
      return "Disconnected";
    case "ended":
      return connection.code === 4500 ? "Disconnected: you are connected elsewhere" : "Disconnected";
  }
}

/** Seen and not heard: nobody wants to be told each second. */
function Countdown({ from }: { from: number }) {
  const [left, setLeft] = useState(Math.ceil(from / 1_000));
  useEffect(() => {
    const timer = setInterval(() => setLeft((left) => Math.max(0, left - 1)), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <span className="countdown" aria-hidden="true">, again in {left} s</span>;
}
