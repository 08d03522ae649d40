/** CSV import: a file, what it would mean, and a report per row. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count, number, words } from "../format.js";
import { dialog } from "../parts/dialog.js";
import { action, field, notice, problem, select, table } from "../parts/ui.js";

const MODES = [
  ["merge", "Add and change; leave everybody else alone"],
  ["overwrite", "The file is everything: deactivate whom an earlier file created and this one lacks"],
];

export function importFile(path, reload) {
  const file = h("input", { type: "file", accept: ".csv,text/csv,text/plain,.txt,.tsv", name: "file" });
  const mode = select(MODES, "merge", { name: "mode" });
  const result = h("div", { "aria-live": "polite" });
  let approve = "";
  const trial = async () => {
    if (!file.files.length) throw new api.Problem(400, { detail: "Choose a file first." });
    try {
      const found = await api.upload(`${path}?${new URLSearchParams({ mode: mode.value, dryRun: true })}`, file.files[0]);
      replace(result, outcome(found, "would be"));
    } catch (error) {
      if (!error.body?.problems) throw error;
      replace(result, problem(error), rows(error.body.problems));
    }
  };
  const form = h(
    "div",
    { class: "stack" },
    field("File", file, "Columns in any order: displayName, mail, department … as in an export. All rows are checked before any is written."),
    field("What it does", mode),
    h("div", { class: "row" }, action("Try it", trial, result)),
    result,
  );
  dialog("Import a CSV file", form, {
    label: "Import",
    wide: true,
    done: async () => {
      if (!file.files.length) throw new api.Problem(400, { detail: "Choose a file first." });
      const query = new URLSearchParams({ mode: mode.value, ...(approve ? { approve } : {}) });
      try {
        const done = await api.upload(`${path}?${query}`, file.files[0]);
        approve = done.held ? done.heldDigest : "";
        replace(result, outcome(done));
      } catch (error) {
        replace(result, problem(error), error.body?.problems && rows(error.body.problems));
        throw error;
      }
      await reload();
      if (approve || result.querySelector("table")) throw new api.Problem(0, { detail: approve ? "Press Import again to deactivate them." : "Imported; some rows were left out." });
    },
  });
}

function outcome(done, would = "") {
  const { counts } = done;
  const text = `${number(counts.created)} ${would} added, ${number(counts.updated + counts.reactivated)} changed, ${number(counts.deactivated)} deactivated; ${number(done.unchanged)} are as they were.`;
  return [
    notice(would ? "info" : "success", `${count(done.rows, "row")} read`, `${text}${would ? " Nothing has been changed yet." : ""}`),
    done.held > 0 && notice("warning", `${count(done.held, "person", "people")} would be deactivated, more than the guard lets pass.`, "Import again to deactivate exactly these."),
    done.refused.length > 0 && rows(done.refused),
  ];
}

const rows = (problems) => table("Rows", ["Line", "What is wrong", ""], problems.map((each) => [number(each.line), words(each.code), each.detail]));
