/** The comparison's own arithmetic and bytes; the peers themselves are not installed here. */
import { describe, expect, it } from "vitest";
import { checkResults, expectedFrom } from "../bench/peers/check.ts";
import { selectJobs } from "../bench/peers/compare.ts";
import { blasName } from "../bench/peers/engines/faiss.ts";
import { encodeOnnx } from "../bench/peers/engines/onnx.ts";
import { jobs } from "../bench/peers/jobs/index.ts";
import { sampled } from "../bench/peers/jobs/operands.ts";
import { geometricMean, inTurns, ratioOf, summarise } from "../bench/peers/pairs.ts";
import { formatPeerRow, formatPeersHead, formatSummary } from "../bench/peers/table.ts";

const WIDTH = 120;

describe("pairs", () => {
  it("are run in turns, seven at least after the warm-up", async () => {
    const order: string[] = [];
    const run = (who: string, ms: number) => async () => {
      order.push(who);
      return ms;
    };
    const pairs = await inTurns(run("ours", 2), run("peer", 6), 0);
    expect(pairs).toEqual(Array.from({ length: 7 }, () => ({ oursMs: 2, peerMs: 6 })));
    expect(order).toEqual(Array.from({ length: 18 }, (_, i) => (i % 2 ? "peer" : "ours")));
  });

  it("give the median of their own ratios, not the ratio of medians", () => {
    const pairs = [
      { oursMs: 1, peerMs: 4 },
      { oursMs: 10, peerMs: 20 }, // the machine was slow for both
      { oursMs: 2, peerMs: 6 },
    ];
    const { ratio, oursMs, peerMs, p10, p90, pairs: count } = ratioOf(pairs);
    expect([ratio, oursMs, peerMs, count]).toEqual([3, 2, 6, 3]);
    expect(p10).toBeCloseTo(2.2, 12);
    expect(p90).toBeCloseTo(3.8, 12);
  });
});

describe("the summary", () => {
  it("takes the fastest peer at each shape, and their geometric mean", () => {
    expect(geometricMean([2, 8])).toBeCloseTo(4, 12);
    const rows = [
      { op: "a", shape: "1", ratio: 3 },
      { op: "a", shape: "1", ratio: 2 },
      { op: "b", shape: "1", ratio: 0.5 },
      { op: "a", shape: "2", ratio: 8 },
    ];
    const [a, b] = summarise(rows);
    expect(a).toMatchObject({ op: "a", shapes: 2 });
    expect(a!.ratio).toBeCloseTo(4, 12);
    expect(b).toMatchObject({ op: "b", shapes: 1 });
    expect(b!.ratio).toBeCloseTo(0.5, 12);
  });

  it("fits the page with every job in its columns", () => {
    const slow = { oursMs: 98_765, peerMs: 98_765, ratio: 12.3, p10: 11.2, p90: 13.4 };
    const head = formatPeersHead();
    for (const { op, shape } of jobs) {
      const peer = "faiss 1.7.3 OpenBLAS";
      const row = formatPeerRow({ op, shape, peer, ...slow, pairs: 7, checked: 1 });
      expect(row.length, row).toBeLessThanOrEqual(WIDTH);
      expect(row.indexOf(peer)).toBe(head.indexOf("peer"));
    }
    expect(formatSummary([{ op: "matmul", shapes: 7, ratio: 3.21 }])).toMatch(/3\.21\s+7 shapes$/);
  });
});

describe("results", () => {
  const expected = [{ name: "y", at: [0, 2], values: [1, -4] }];

  it("pass within the tolerance of the largest, and are counted", () => {
    expect(checkResults("peer", { y: Float32Array.of(1.003, 9, -4) }, expected, 1e-3)).toBe(2);
    const own = { y: Float32Array.of(1, 2) };
    expect(checkResults("peer", own, expectedFrom(own), 0)).toBe(2);
  });

  it("are refused when wrong, missing or not a number, by the worst entry", () => {
    const refused = (y: Float32Array) => () => checkResults("peer", { y }, expected, 1e-3);
    expect(refused(Float32Array.of(1, 9, -4.1))).toThrow(/^peer: y\[2\] must be -4 within/);
    expect(refused(Float32Array.of(Number.NaN, 9, -4))).toThrow("y[0]");
    expect(refused(Float32Array.of(1))).toThrow("y[2]");
    expect(() => checkResults("peer", {}, expected, 1)).toThrow("y must be among the results");
  });

  it("are sampled within the result, always the same", () => {
    const sample = sampled("y", [3, 5], (index) => 2 * index);
    expect(sample.at.every((index) => index >= 0 && index < 15)).toBe(true);
    expect(sample.values).toEqual(sample.at.map((index) => 2 * index));
    expect(sampled("y", [3, 5], (index) => 2 * index)).toEqual(sample);
  });
});

describe("jobs", () => {
  it("have names of their own, which --only selects by", () => {
    const titles = jobs.map(({ op, shape }) => `${op} · ${shape}`);
    expect(new Set(titles).size).toBe(titles.length);
    const found = selectJobs(jobs, "MATMUL · square");
    expect(found.map(({ op }) => op)).toEqual(["matmul"]);
    expect(() => selectJobs(jobs, "no such")).toThrow(
      /"no such" is part of none; ops are matmul, /,
    );
  });
});

describe("the BLAS that FAISS has its products from", () => {
  it("is told by its library's path, also where the file has the reference one's name", () => {
    const folder = "/usr/lib/x86_64-linux-gnu";
    expect(blasName(`${folder}/openblas-pthread/libblas.so.3`)).toBe("OpenBLAS");
    expect(blasName(`${folder}/blas/libblas.so.3.11.0`)).toBe("reference BLAS");
    expect(blasName(`${folder}/libmkl_rt.so`)).toBe("MKL");
    expect(blasName(`${folder}/libother.so.1`)).toBe("libother.so.1");
    expect(blasName("")).toBe("unknown BLAS");
  });
});

describe("an ONNX model", () => {
  it("is the bytes that protobuf makes of its fields", () => {
    const bytes = encodeOnnx({
      constants: { x: { shape: [1], data: Float32Array.of(1) } },
      nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"], attributes: { axis: -1 } }],
      outputs: { y: { dtype: "f32", rank: 1 } },
    });
    const hex = Buffer.from(bytes).toString("hex");
    expect(hex.startsWith("0808")).toBe(true); // ir_version 8
    expect(hex).toContain("0a0178"); // input "x"
    expect(hex).toContain("220452656c75"); // op_type "Relu"
    expect(hex).toContain("0a046178697318ffffffffffffffffff01a00102"); // axis = −1, an INT
    expect(hex).toContain("0801100142017" + "84a040000803f"); // dims 1, FLOAT, name "x", raw 1.0f
    // opset 17 of the default domain, 1 of com.microsoft
    expect(hex.endsWith("42040a001011" + "42110a0d636f6d2e6d6963726f736f66741001")).toBe(true);
  });
});
