// Notifications of the system, for mentions while the page is out of sight.
import { names, type UseChat } from "@chinwag/react";
import { useEffect } from "react";

type Permission = NotificationPermission | "none";

export const canNotify = (): Permission => ("Notification" in globalThis ? Notification.permission : "none");

export const askToNotify = (): Promise<Permission> => Notification.requestPermission();

function notify(title: string, options: NotificationOptions) {
  try {
    new Notification(title, options);
  } catch {
    // Android wants a service worker for it, which this page is without.
  }
}

export function useNotifications({ chat }: UseChat, me: string) {
  useEffect(
    () =>
      chat.on("message", ({ message }) => {
        const isNews = !message.fromHistory && message.user !== me && names(message, me);
        if (!isNews || !document.hidden || canNotify() !== "granted") return;
        const { room, user, content } = message;
        notify(`${user} in #${room}`, { body: content, tag: `${room} ${message.seq}`, icon: "icon.svg" });
      }),
    [chat, me],
  );
}
