/** Sweeps: as jobs, and run: that nothing done is lost. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { documentAgain } from "../../bench/report/files.ts";
import type { MeasureRow } from "../../roclip/assess.ts";
import { kubernetesJob, slurmScript } from "../../roclip/sweep/emit.ts";
import { readSweep } from "../../roclip/sweep/file.ts";
import { roclip, writePairs } from "./command.ts";
import { GRID } from "./sweeps.ts";

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

    const document = readFileSync(join(out, "results.md"), "utf8");
    const lines = readFileSync(join(out, "cells.jsonl"), "utf8");
    const kept = { name: "sweep", document, pictured: true, cells: lines };
    expect(documentAgain(kept)).toBe(document);

    const page = readFileSync(join(out, "report.html"), "utf8");
    expect(page).toContain('<a href="lr-0.001_seed-1/report.html"');
    expect(page).not.toContain('href="wrong_seed-1');
    expect(page).toContain("<h3>lr-0.002</h3>"); // its curves
    expect(page).toContain("&quot;targetClass&quot;:&quot;unicorn&quot;"); // the file

    // The same cell alone, elsewhere, from the beginning: the same numbers.
    const alone = await roclip([...words, "--out", elsewhere, "--cell", "1"]);
    expect(alone.code).toBe(0);
    rmSync(join(out, "lr-0.002_seed-1"), { recursive: true });
    const collected = await roclip([...words, "--out", out, "--collect", elsewhere]);
    expect(collected.out).toContain("Failed: wrong_seed-1");
    const [, again] = rows(out);
    const merged = readFileSync(join(out, "report.html"), "utf8");
    expect(merged).toContain('href="../elsewhere/lr-0.002_seed-1/report.html"');
    const { seconds: _, pairsPerSecond: __, ...measured } = table[1]!;
    expect(again).toMatchObject(measured);

    // Of folders of another machine, the cells' table is enough.
    const [tables, fresh] = [join(folder, "tables"), join(folder, "fresh")];
    mkdirSync(tables);
    copyFileSync(join(out, "cells.jsonl"), join(tables, "cells.jsonl"));
    const joined = await roclip([...words, "--out", fresh, "--collect", tables]);
    expect(joined.out).toContain("Failed: wrong_seed-1");
    expect(rows(fresh)).toEqual(rows(out));

    // Asked for more of models that are trained, it measures them, and trains none again.
    const cells = { ...content().cells, aimed: { poison: { targets: 2 }, backdoor: { count: 6 } } };
    const attacksOf = { "lr-0.001": "aimed" };
    const more = { ...content(), cells, measures: ["retrieval"], attacksOf };
    const asked = await roclip(["sweep", file("asked.json", more), "--out", out, "--cell", "0"]);
    expect(asked.out).not.toMatch(/epoch +1 /);
    const report = readFileSync(join(out, "lr-0.001_seed-1", "report.html"), "utf8");
    expect(report).toMatch(/<dt>RoCLIP<\/dt>\s*<dd><span class="verdict \w+"/);
    expect(report).toMatch(/<dt>matched<\/dt><dd class="caption">a (red|blue) square/);
    const result = JSON.parse(readFileSync(join(out, "lr-0.001_seed-1", "result.json"), "utf8"));
    expect(result.measures.map(({ measure }: MeasureRow) => measure)).toContain(
      "image to text R@1",
    );
    expect(result.asked).toMatchObject({ measures: ["retrieval"], on: {} });
    const chance = result.measures.filter(({ group }: MeasureRow) => group === "attacks of aimed");
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
    expect(refused.errors).toMatch(/sweep's file; epochs differs; put the file back/);
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
