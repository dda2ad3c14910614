/** The style sheet of a report: one column, light and dark after the reader's system. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --panel: #ffffff; --text: #1d2127; --quiet: #5c6570; --line: #e2e0da;
  --clip: #c2410c; --roclip: #0f6cbd; --cleanclip: #7c3aed; --safeclip: #0f766e;
  --band: #0f6cbd1c;
  --bad: #b42318; --bad-back: #fdecea; --good: #17692f; --good-back: #e5f4e8; --other-back: #efeeea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --panel: #1c2026; --text: #e6e8eb; --quiet: #9aa4b0; --line: #2f353d;
    --clip: #fb923c; --roclip: #60b0f4; --cleanclip: #c4b5fd; --safeclip: #5eead4;
    --band: #60b0f426;
    --bad: #ffb4a9; --bad-back: #4a1d18; --good: #9be0ae; --good-back: #163a22;
    --other-back: #2b3038;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.5rem 4rem;
  background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif;
}
h1 { margin: 0 0 .25rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 3rem 0 .25rem; font-size: 1.25rem; }
h3 { margin: 0; font-size: .95rem; font-weight: 600; }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
a { color: var(--roclip); }
small a { margin-left: .35rem; }
.curves h3 { margin: 1.5rem 0 .5rem; }
.lead, .meta, small, dt, summary { color: var(--quiet); }
.meta { margin: 0; font-size: .9rem; }
small { display: block; font-size: .75rem; white-space: nowrap; }
code, pre { font-family: ui-monospace, monospace; font-size: .85rem; }
pre {
  margin: .5rem 0; padding: .9rem 1rem; overflow: auto; max-height: 32rem;
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
}
.scroll {
  overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--panel);
}
table {
  width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem;
}
th, td { padding: .5rem .7rem; text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child { text-align: left; }
thead th {
  color: var(--quiet); font-weight: 500; font-size: .8rem; white-space: normal;
  vertical-align: bottom;
}
tbody tr { border-top: 1px solid var(--line); }
tbody tr.matching { background: var(--band); }
.swatch {
  display: inline-block; width: .7rem; height: .7rem; margin-right: .45rem; border-radius: 50%;
}
.swatch.clip { background: var(--clip); }
.swatch.roclip { background: var(--roclip); }
.swatch.cleanclip { background: var(--cleanclip); }
.swatch.safeclip { background: var(--safeclip); }
.swatch.band { background: var(--band); border: 1px solid var(--line); border-radius: 2px; }
.headline {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(14.5rem, 1fr)); gap: 1rem;
  margin: 1.5rem 0;
}
.tile {
  padding: 1rem 1.1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
}
.tile p { margin: .35rem 0 0; font-size: .8rem; color: var(--quiet); }
.tile .pair {
  display: flex; align-items: baseline; gap: .5rem; font-size: 1.5rem; font-weight: 600;
}
.tile .pair span { font-variant-numeric: tabular-nums; }
.tile .clip { color: var(--clip); }
.tile .roclip { color: var(--roclip); }
.tile .cleanclip { color: var(--cleanclip); }
.tile .safeclip { color: var(--safeclip); }
.tile .to { color: var(--quiet); font-weight: 400; font-size: 1.1rem; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: .75rem 0; font-size: .85rem; }
.charts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem;
}
.chart {
  margin: 0; padding: .9rem 1rem .6rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: 8px;
}
.chart p { margin: 0 0 .4rem; font-size: .8rem; color: var(--quiet); }
.chart svg { display: block; width: 100%; height: auto; }
.gallery {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr));
  gap: 1rem; margin-top: 1rem;
}
.card {
  display: flex; gap: .9rem; margin: 0; padding: .9rem;
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
}
.card img {
  flex: none; width: 96px; height: 96px; border-radius: 4px; image-rendering: pixelated;
  object-fit: contain;
}
.card figcaption { flex: 1; min-width: 0; }
.card dl {
  display: grid; grid-template-columns: max-content 1fr; gap: .15rem .6rem;
  margin: 0; font-size: .8rem; line-height: 1.4;
}
.card dd { margin: 0; overflow-wrap: anywhere; }
.card .caption { font-style: italic; }
.verdict {
  display: inline-block; padding: 0 .45rem; border-radius: 4px; background: var(--other-back);
}
.verdict.fooled { color: var(--bad); background: var(--bad-back); }
.verdict.right { color: var(--good); background: var(--good-back); }
details { margin-top: 1rem; }
summary { cursor: pointer; }
ul { padding-left: 1.2rem; max-width: 46rem; }
@media print { details { display: none; } body { max-width: none; } }
`;
