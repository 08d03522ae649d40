/** Bar chart of runs: added people above the axis, changed and deactivated people below it. */

import { h } from "../dom.js";
import { number, when } from "../format.js";

const SVG = "http://www.w3.org/2000/svg";
const RUNS = 30;
const [STEP, BAR, HALF] = [20, 12, 44];

function s(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function chart(runs) {
  const plotted = runs.filter((run) => !run.preview && total(run) > 0).slice(0, RUNS).reverse();
  if (plotted.length < 2) return null;
  const most = Math.max(...plotted.map(total));
  // the square root keeps later runs visible beside a first sync of thousands
  const height = (people) => (people ? Math.max(2, Math.sqrt(people / most) * HALF) : 0);
  const bars = plotted.flatMap((run, at) => {
    const x = at * STEP + (STEP - BAR) / 2;
    const up = height(run.counts.created + run.counts.reactivated);
    const changed = height(run.counts.updated);
    const down = height(run.counts.deactivated);
    const label = s("title", {});
    label.textContent = `${when(run.requestedAt)}: ${number(run.counts.created)} added, ${number(run.counts.updated)} changed, ${number(run.counts.deactivated)} deactivated`;
    return [
      s(
        "g",
        {},
        label,
        s("rect", { class: "added", x, y: HALF - up, width: BAR, height: up }),
        s("rect", { class: "changed", x, y: HALF + 1, width: BAR / 2, height: changed }),
        s("rect", { class: "deactivated", x: x + BAR / 2, y: HALF + 1, width: BAR / 2, height: down }),
      ),
    ];
  });
  const width = plotted.length * STEP;
  const line = s("line", { x1: 0, x2: width, y1: HALF + 0.5, y2: HALF + 0.5 });
  const svg = s("svg", { viewBox: `0 0 ${width} ${HALF * 2 + 2}`, width, height: HALF * 2 + 2, role: "img", "aria-label": `The last ${plotted.length} runs with changes. The table below shows the numbers.` }, line, ...bars);
  const legend = [["added", "Added"], ["changed", "Changed"], ["deactivated", "Deactivated"]];
  return h("figure", { class: "chart" }, svg, h("figcaption", {}, legend.map(([kind, label]) => h("span", { class: `key ${kind}` }, label))));
}

const total = (run) => run.counts.created + run.counts.updated + run.counts.deactivated + run.counts.reactivated;
