/** Failed messages (operator): shows, retries and discards them. */

import * as api from "../api.js";
import { announce, h, replace } from "../dom.js";
import { when, words } from "../format.js";
import { startedBy } from "../labels.js";
import { action, badge, card, empty, page } from "../parts/ui.js";

export async function messages() {
  const list = h("div", { class: "stack" });
  const load = async (cursor = null, before = []) => {
    const batch = await api.get(`ledger?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    const all = [...before, ...batch.entries];
    const troubles = h("div", {});
    const more = batch.cursor && action("Show more", () => load(batch.cursor, all), troubles);
    replace(list, all.length ? all.map((message) => entry(message, load)) : empty("No failed messages."), troubles, more);
  };
  await load();
  return page("Failed messages", "Messages that failed on every delivery, and other events that need an operator. Newest first.", list);
}

/** An event has no queue, so there is nothing to retry. */
const isMessage = ({ queue }) => /-(?:jobs|requests)$/.test(queue);

function entry(message, load) {
  const troubles = h("div", {});
  const own = `ledger/${encodeURIComponent(message.id)}`;
  const queue = `?queue=${encodeURIComponent(message.queue)}`;
  const act = (label, outcome, work) =>
    action(
      label,
      async () => {
        await work();
        announce(outcome);
        await load();
      },
      troubles,
      { small: true, "aria-label": `${label} ${message.id}` },
    );
  return card(
    words(message.code),
    h("p", {}, message.detail),
    h("p", { class: "help" }, [message.tenant, isMessage(message) && message.queue, when(message.at)].filter(Boolean).join(" · ")),
    message.body && h("details", {}, h("summary", {}, isMessage(message) ? "Message" : "Details"), h("pre", {}, message.body)),
    message.replayedAt && badge(`Retried ${when(message.replayedAt)} by ${startedBy(message.replayedBy)}`, "success"),
    h(
      "div",
      { class: "row" },
      isMessage(message) && !message.replayedAt && act("Retry", "The message will be processed again", () => api.post(`${own}/replay${queue}`)),
      act("Discard", "Discarded", () => api.remove(`${own}${queue}`)),
    ),
    troubles,
  );
}
