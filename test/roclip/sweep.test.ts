/** Sweeps: what their tables say, and that nothing done is lost. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse as parseCsv } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { MeasureRow } from "../../roclip/assess.ts";
import { wilson } from "../../roclip/measures.ts";
import type { RunResult } from "../../roclip/report/data.ts";
import { kubernetesJob, slurmScript } from "../../roclip/sweep/emit.ts";
import { readSweep } from "../../roclip/sweep/file.ts";
import { writeTable } from "../../roclip/sweep/files.ts";
import { type CellOutcome, cellRows, settingRows } from "../../roclip/sweep/results.ts";
import { sweepMarkdown, sweepText } from "../../roclip/sweep/text.ts";
import { roclip, writePairs } from "./command.ts";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roclip-sweep-"));
  await writePairs(folder, 48);
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: object | string) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

const GRID = `
config: {epochs: 3, roclip: {firstEpoch: 2}}
axes:
  attack:
    weak: {poison: {captionsPerTarget: 2}}
    strong: {poison: {captionsPerTarget: 8}, roclip: {poolSize: 64}}
  roclip.frequency: [1, 2]
cells:
  plain: {defence: clip}
seeds: [1, 5]
`;

/** A run that ended with these shares. */
function runOf(seed: number, psr: number, zeroShotTop1: number): RunResult {
  const shares = { zeroShotTop1, classMean: zeroShotTop1, psr, asr: Number.NaN };
  const rest = { trueClassTarget: 1 - psr, trueClassTriggered: Number.NaN };
  const epoch = { epoch: 3, phase: "matching", loss: 1, ...shares, ...rest } as const;
  const counts = { targets: 16, triggered: 0, heldOut: 100 };
  return { defence: "clip", seed, epochs: [{ ...epoch, pairsPerSecond: 10, seconds: 4 }], counts };
}

/** What might have been asked of its model. */
const measuresOf = ({ seed, epochs }: RunResult): MeasureRow[] => [
  { group: "retrieval", measure: "R@1", value: epochs[0]!.zeroShotTop1 / 2, cases: 10 },
  { group: "detection", measure: "margin", value: epochs[0]!.zeroShotTop1 },
  ...(seed === 1 ? [{ group: "probe", measure: "λ", value: null }] : []),
];

describe("the table of a sweep", () => {
  const sweep = () => readSweep(file("grid.yaml", GRID));
  /** Both seeds of the first setting; of the second one is done, one failed; the others are not. */
  const outcomes = (): CellOutcome[] =>
    sweep().cells.map((cell, i) => {
      if (i === 6) return { cell, outcome: { kind: "failed", error: 'out, of "memory"\nat x' } };
      const result = { 0: runOf(1, 0.25, 0.5), 5: runOf(5, 0, 0.7), 1: runOf(1, 1, 0.9) }[i];
      return result
        ? { cell, outcome: { kind: "done", result, measures: measuresOf(result), adapter: "x" } }
        : { cell, outcome: { kind: "missing" } };
    });

  it("pools the targets of all seeds, and takes means of what is no count", () => {
    const [weak, second, strong] = settingRows(sweep(), outcomes());
    const { low, high } = wilson(4, 32);
    expect(weak).toMatchObject({
      ...{ setting: "weak_frequency-1", attack: "weak", "roclip.frequency": "1" },
      ...{ seeds: 2, failed: 0, unfinished: 0, epoch: 3, epochKind: "matching" },
      ...{ psr: 4 / 32, psrLow: low, psrHigh: high, psrCases: 32, trueClassTarget: 0.875 },
      ...{ asr: null, asrLow: null, asrCases: 0, seconds: 4 },
    });
    expect(weak!.zeroShotTop1).toBeCloseTo(0.6, 12);
    expect(weak!["retrieval: R@1"]).toBeCloseTo(0.3, 12);
    expect(weak!["retrieval: R@1 Sd"]).toBeCloseTo(0.1 / Math.SQRT2, 12);
    expect(weak!["probe: λ"]).toBe(null);
    expect(strong!["retrieval: R@1"]).toBe(null);
    expect(weak!.zeroShotTop1Sd).toBeCloseTo(Math.SQRT2 / 10, 12);
    expect(second).toMatchObject({ seeds: 1, failed: 1, psr: 1, zeroShotTop1Sd: null });
    expect(strong).toMatchObject({ seeds: 0, unfinished: 2, epoch: null, psr: null });
  });

  it("is the same table for a terminal and as Markdown", () => {
    const rows = settingRows(sweep(), outcomes());
    expect(sweepText(rows, outcomes())).toMatch(/^retrieval: R@1 +30.0% ± 7.1% +45.0%$/m);
    const document = sweepMarkdown("grid", "roclip sweep grid.yaml", rows, outcomes());
    expect(document).toContain("Seeds 1, 5; 3 of 10 runs done; adapter: x.");
    expect(document).toContain("| weak_frequency-1 | 2 | 3 | 60.0% ± 14.1% |");
    expect(document).toContain("| measure | weak_frequency-1 | weak_frequency-2 |"); // those run
    expect(document).toContain("| detection: margin | 0.6 ± 0.1414 | 0.9 |"); // not a share
    expect(document).toContain("| retrieval: R@1 | 30.0% ± 7.1% | 45.0% |");
  });

  it("says of how many seeds, where those are not all of the sweep's", () => {
    const aside = GRID.replace("seeds:", "  aside: {epochs: 2, seeds: [5]}\nseeds:");
    const sweep = readSweep(file("aside.yaml", aside));
    const all = sweep.cells.map((cell): CellOutcome => {
      const result = runOf(cell.seed, 0.25, 0.5);
      const done = { kind: "done", result, measures: [], adapter: "x" } as const;
      const missing = cell.name === "plain_seed-5";
      return { cell, outcome: missing ? { kind: "missing" } : done };
    });
    const text = sweepText(settingRows(sweep, all), all);
    expect(text).toMatch(/^aside +1 of 1 /m);
    expect(text).toMatch(/^plain +1 of 2 /m);
    expect(text).toMatch(/^weak_frequency-1 +2 /m);
  });

  it("is the same table as CSV, JSON lines and Parquet", async () => {
    for (const rows of [settingRows(sweep(), outcomes()), cellRows(sweep(), outcomes())]) {
      await writeTable(join(folder, "table"), rows);
      const read = (ending: string) => readFileSync(join(folder, `table.${ending}`));
      const lines = read("jsonl").toString().trimEnd().split("\n");
      expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
      const csv: Record<string, string>[] = parseCsv(read("csv"), { columns: true });
      const texts = rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([k, v]) => [k, v === null ? "" : String(v)])),
      );
      expect(csv).toEqual(texts);
      const bytes = Uint8Array.from(read("parquet"));
      expect(await parquetReadObjects({ file: bytes.buffer })).toEqual(rows);
    }
  });
});

describe("a sweep as an array of jobs", () => {
  const emitted = () => {
    const sweep = readSweep(file("it's a grid.yaml", GRID));
    return { sweep, name: "it-s-a-grid", out: "runs/my grid" };
  };
  /** What a script calls `roclip` with, under an environment. */
  const called = (script: string, env: Record<string, string>) => {
    const fake = 'roclip() { printf "%s\\n" "$@"; }\n';
    const text = fake + script.replace("exec roclip", "roclip");
    return execFileSync("sh", ["-c", text], { env }).toString().trimEnd().split("\n");
  };
  const words = (...cells: string[]) => [
    ...["sweep", join(folder, "it's a grid.yaml"), "--out", "runs/my grid", "--cell", ...cells],
  ];

  it("of Slurm: a task for each cell", () => {
    const script = slurmScript(emitted());
    expect(script).toMatch(/^#!\/bin\/bash\n/);
    expect(script).toContain("#SBATCH --array=0-9\n");
    expect(called(script, { SLURM_ARRAY_TASK_ID: "7" })).toEqual(words("7"));
  });

  it("of Kubernetes: an indexed job with a completion for each cell", () => {
    const job = parse(kubernetesJob(emitted(), { image: "a/roclip:1", claim: "disk" }));
    expect(job).toMatchObject({ apiVersion: "batch/v1", kind: "Job" });
    expect(job.spec).toMatchObject({ completionMode: "Indexed", completions: 10 });
    const { containers, volumes, restartPolicy } = job.spec.template.spec;
    expect(restartPolicy).toBe("Never");
    expect(volumes[0].persistentVolumeClaim.claimName).toBe("disk");
    const [cell] = containers;
    expect(cell.image).toBe("a/roclip:1");
    expect(cell.command.slice(0, 2)).toEqual(["sh", "-c"]);
    expect(called(cell.command[2], { JOB_COMPLETION_INDEX: "3" })).toEqual(words("3"));
  });

  it("runs a cell that begins with another's weights after it, in one task", () => {
    const tuned = "  tuned: {defence: cleanclip, pretrained: 'cell:plain'}\n";
    const more = "  last: {epochs: 2}\n  again: {defence: clip, pretrained: 'cell:tuned'}\n";
    const grid = GRID.replace("seeds", `${tuned}${more}seeds`);
    const emitted = { sweep: readSweep(file("it's a grid.yaml", grid)), name: "x" };
    const place = { ...emitted, out: "runs/my grid" };
    const script = slurmScript(place);
    const job = parse(kubernetesJob(place, { image: "a/roclip:1", claim: "disk" }));
    expect(script).toContain("#SBATCH --array=0-11\n"); // of 16 cells, each seed's plain has two
    expect(job.spec).toMatchObject({ completions: 12, parallelism: 12 });
    const [{ command }] = job.spec.template.spec.containers;
    for (const [task, cells] of Object.entries({
      ...{ 0: ["0"], 4: ["4", "5", "7"], 5: ["6"], 6: ["8"], 10: ["12", "13", "15"], 11: ["14"] },
    })) {
      expect(called(script, { SLURM_ARRAY_TASK_ID: task })).toEqual(words(...cells));
      expect(called(command[2], { JOB_COMPLETION_INDEX: task })).toEqual(words(...cells));
    }
  });
});

describe("roclip sweep", () => {
  const small = {
    ...{
      epochs: 3,
      batch: 16,
      imageSize: 8,
      vocabularySize: 514,
      poison: { targets: 1, captionsPerTarget: 16 }, // whole batches: every pair is matched
      roclip: { firstEpoch: 2 },
    },
    ...{ image: { blocks: [1] }, text: { layers: 1 }, backdoor: { count: 0 } },
  };
  const content = (config: object = small) => ({
    config,
    source: {
      ...{ data: join(folder, "pairs.csv"), test: join(folder, "pairs.csv") },
      ...{ images: join(folder, "images"), minClass: 2 },
    },
    axes: { lr: [0.001, 0.002] },
    cells: { wrong: { backdoor: { count: 4, targetClass: "unicorn" } } },
  });
  const rows = (out: string) =>
    readFileSync(join(out, "results.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, number>);

  it("goes on where it was stopped, past a cell that fails, and collects what ran elsewhere", async () => {
    const [out, elsewhere] = [join(folder, "out"), join(folder, "elsewhere")];
    const words = ["sweep", file("sweep.json", content())];
    const stopped = await roclip([...words, "--out", out], /Cell 2 of 3(.|\n)*epoch +1 /);
    expect(stopped.out).toContain("Not done: lr-0.002_seed-1, wrong_seed-1.");
    expect(stopped.code).toBe(130);

    const second = await roclip([...words, "--out", out]);
    expect(second.out).toContain("3 cells, 1 of them done before");
    expect(second.out).not.toMatch(/epoch +1 /); // gone on with, not begun anew
    expect(second.out).toMatch(/Failed: wrong_seed-1: .*unicorn/);
    expect(second.code).toBe(1);
    const table = rows(out);
    expect(table.map(({ seeds, failed, epoch }) => [seeds, failed, epoch])).toEqual([
      ...[
        [1, 0, 3],
        [1, 0, 3],
        [0, 1, null],
      ],
    ]);

    // The same cell alone, elsewhere, from the beginning: the same numbers.
    const alone = await roclip([...words, "--out", elsewhere, "--cell", "1"]);
    expect(alone.code).toBe(0);
    rmSync(join(out, "lr-0.002_seed-1"), { recursive: true });
    const collected = await roclip([...words, "--out", out, "--collect", elsewhere]);
    expect(collected.out).toContain("Failed: wrong_seed-1");
    const [, again] = rows(out);
    const { seconds: _, pairsPerSecond: __, ...measured } = table[1]!;
    expect(again).toMatchObject(measured);

    // Asked for more of models that are trained, it measures them, and trains none again.
    const cells = { ...content().cells, aimed: { poison: { targets: 2 }, backdoor: { count: 6 } } };
    const attacksOf = { "lr-0.001": "aimed" };
    const more = { ...content(), cells, measures: ["retrieval"], attacksOf };
    const asked = await roclip(["sweep", file("asked.json", more), "--out", out, "--cell", "0"]);
    expect(asked.out).not.toMatch(/epoch +1 /);
    const report = readFileSync(join(out, "lr-0.001_seed-1", "report.html"), "utf8");
    expect(report).toMatch(/<dt>RoCLIP<\/dt>\s*<dd><span class="verdict \w+"/);
    expect(report).toMatch(/<dt>matched<\/dt><dd class="caption">a (red|blue) square/);
    const kept = JSON.parse(readFileSync(join(out, "lr-0.001_seed-1", "result.json"), "utf8"));
    expect(kept.measures.map(({ measure }: MeasureRow) => measure)).toContain("image to text R@1");
    expect(kept.asked).toMatchObject({ measures: ["retrieval"], on: {} });
    const chance = kept.measures.filter(({ group }: MeasureRow) => group === "attacks of aimed");
    expect(chance.map(({ measure, cases }: MeasureRow) => [measure, cases])).toEqual(
      expect.arrayContaining([
        ["PSR", 2], // images, where its own attack is on one
        ["ASR, checker → blue", 24],
      ]),
    );
    const two = await roclip([...words, "--out", out, "--cell", "0", "wrong_seed-1"]);
    expect(two.out).toMatch(/Sweep: 2 cells(.|\n)*Cell 1 of 2: lr(.|\n)*Cell 2 of 2: wrong/);
    expect(two.code).toBe(1);
  }, 300_000);

  it("refuses a folder of another sweep or version, and leaves it as it is", async () => {
    const out = join(folder, "out");
    const kept = join(out, "lr-0.001_seed-1", "result.json");
    const before = readFileSync(kept, "utf8");
    const other = file("other.json", content({ ...small, epochs: 4 }));
    const refused = await roclip(["sweep", other, "--out", out]);
    expect(refused.errors).toMatch(/epochs differs from the sweep's file; put the file back/);
    expect(refused.code).toBe(2);
    const newer = before.replace('"version": 2', '"version": 9');
    writeFileSync(kept, newer);
    const again = await roclip(["sweep", join(folder, "sweep.json"), "--out", out, "--collect"]);
    expect(again.errors).toMatch(/must be of version 2; found 9/);
    expect(readFileSync(kept, "utf8")).toBe(newer);
    const wrong = await roclip(["sweep", other, "--cell", "lr-0.01_seed-1"]);
    expect(wrong.errors).toMatch(/did you mean "lr-0.001_seed-1"/);
  });
});
