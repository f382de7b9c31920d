// Who one is, for as long as the tab is open, and then the chat.
import { useState } from "react";

import { ChatView } from "./ChatView.js";
import { SignIn } from "./SignIn.js";
import { forget, recall, remember, type Identity } from "./identity.js";

export function App() {
  const [identity, setIdentity] = useState(recall);
  const [problem, setProblem] = useState<string | null>(null);

  const enter = (identity: Identity) => {
    remember(identity);
    setProblem(null);
    setIdentity(identity);
  };
  const leave = (problem: string | null = null) => {
    if (identity) forget(identity, problem === null);
    setProblem(problem);
    setIdentity(null);
  };

  if (!identity) return <SignIn problem={problem} onEnter={enter} />;
  return <ChatView key={identity.user} identity={identity} onLeave={leave} />;
}
