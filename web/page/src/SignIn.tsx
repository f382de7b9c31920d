// The door: a name, or a token that holds one.
import { useState, type FormEvent } from "react";

import { subject, type Identity } from "./identity.js";
import { sentence } from "./words.js";

/** As the server checks it. */
const NAME = "[A-Za-z0-9._\\-]{1,60}";

export function SignIn({ problem, onEnter }: { problem: string | null; onEnter: (identity: Identity) => void }) {
  const [user, setUser] = useState("");
  const [token, setToken] = useState("");
  const name = user.trim() || subject(token.trim());

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name) onEnter({ user: name, ...(token.trim() && { token: token.trim() }) });
  };

  return (
    <main className="door">
      <form onSubmit={submit}>
        <h1>Chinwag</h1>
        {problem && (
          <p className="problem" role="alert">
            {sentence(problem)}
          </p>
        )}
        <label>
          Your name
          <input
            value={user}
            onInput={(event) => setUser(event.currentTarget.value)}
            pattern={NAME}
            title="Up to 60 letters, digits, - _ ."
            autoComplete="username"
            autoFocus
          />
        </label>
        <details open={problem !== null && problem.includes("token")}>
          <summary>I have a token</summary>
          <label>
            Token
            <input
              type="password"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
              autoComplete="off"
            />
          </label>
        </details>
        <button className="primary" disabled={!name}>
          Enter
        </button>
      </form>
    </main>
  );
}
