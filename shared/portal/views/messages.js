/** Messages (operator): what could not be worked off, put back or thrown away. */

import * as api from "../api.js";
import { announce, h, replace } from "../dom.js";
import { when, words } from "../format.js";
import { action, badge, card, empty, page } from "../parts/ui.js";

export async function messages() {
  const list = h("div", {});
  const load = async (cursor = null, before = []) => {
    const found = await api.get(`ledger?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    const all = [...before, ...found.entries];
    const troubles = h("div", {});
    const more = found.cursor && action("Show more", () => load(found.cursor, all), troubles);
    replace(list, all.length ? all.map((each) => entry(each, load)) : empty("Nothing needs you."), troubles, more);
  };
  await load();
  return page("Messages and events", "What the app could not work off by itself, newest first.", list);
}

function entry(each, load) {
  const troubles = h("div", {});
  const own = `ledger/${encodeURIComponent(each.id)}`;
  const queue = `?queue=${encodeURIComponent(each.queue)}`;
  const act = (label, said, work) =>
    action(
      label,
      async () => {
        await work();
        announce(said);
        await load();
      },
      troubles,
      { small: true, "aria-label": `${label} ${each.id}` },
    );
  return card(
    words(each.code),
    h("p", {}, each.detail),
    h("p", { class: "help" }, [each.tenant, each.queue, when(each.at)].filter(Boolean).join(" · ")),
    each.body && h("details", {}, h("summary", {}, "Message"), h("pre", {}, each.body)),
    each.replayedAt && badge(`Put back ${when(each.replayedAt)} by ${each.replayedBy}`, "success"),
    h(
      "div",
      { class: "row" },
      !each.replayedAt && act("Put back", "Put back on its queue", () => api.post(`${own}/replay${queue}`)),
      act("Discard", "Discarded", () => api.remove(`${own}${queue}`)),
    ),
    troubles,
  );
}
