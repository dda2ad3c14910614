/** Promises between files that no type can hold: kernels, records, cases, docs. Needs no GPU. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { vjp } from "../engine/grad.ts";
import { constant, type Tensor } from "../engine/graph.ts";
import { orderDispatches } from "../engine/order.ts";
import { type AnyKernel, forMatrices, forSubgroups, specialise } from "../kernels/kernel.ts";
import { layerFaults } from "../scripts/layers.ts";
import { sizeFaults } from "../scripts/size.ts";
import { type Case, differentiable, named, operandTensors } from "./case.ts";
import { loadCases } from "./cases.ts";
import { loadKernels } from "./kernels.ts";

const root = new URL("../", import.meta.url);
const read = (path: string | URL) => readFileSync(new URL(path, root), "utf8");
const folders = (path: string) =>
  readdirSync(new URL(path, root), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);

/** Threads of a subgroup on some adapter. */
const SUBGROUP_SIZES = [4, 8, 16, 32, 64];

/** The kernels that a case reaches with any of its shapes, forward or backward. */
function kernelsOf(definition: Case): Set<AnyKernel> {
  const reached = new Set<AnyKernel>();
  for (const shapes of definition.shapes) {
    const operands = operandTensors(definition, shapes);
    const outputs = Object.values(named<Tensor>(definition.run(operands)));
    const pairs = outputs
      .filter((y) => y.gradient)
      .map((y) => [y, constant(new Float32Array(y.storage.elements), y.shape)] as const);
    const wrt = differentiable(definition, operands).map((name) => operands[name]!);
    const wanted = [...outputs, ...vjp(pairs, wrt).filter((g) => g !== undefined)];
    for (const { kernel } of orderDispatches(wanted)) reached.add(kernel);
  }
  return reached;
}

const kernels = await loadKernels();
const cases = await loadCases();
const fullSource = (kernel: AnyKernel) =>
  [kernel.source, ...kernel.uses.map((name) => new URL(`../lib/${name}.wgsl`, kernel.source))]
    .map(read)
    .join("\n");

describe("every kernel", () => {
  const reached = new Set([...cases.values()].flatMap((c) => [...kernelsOf(c)]));
  for (const kernel of kernels) {
    it(`${kernel.name} has a case that launches it`, () => {
      expect([...reached].map(({ name }) => name)).toContain(kernel.name);
    });

    it(`${kernel.name} agrees with its WGSL in bindings, parameters and constants`, () => {
      const source = fullSource(kernel);
      const reflected = new WgslReflect(source);
      const bindings = [...reflected.storage]
        .sort((a, b) => a.binding - b.binding)
        .map(({ name, binding, access }) => [name, binding, access]);
      const expected = Object.entries(kernel.bindings).map(([name, access], i) => [
        name,
        i + 1,
        access === "read" ? "read" : "read_write",
      ]);
      expect(bindings).toEqual(expected);
      const fields = reflected.uniforms[0]?.members?.map(({ name, type }) => [name, type.name]);
      expect(fields ?? []).toEqual(Object.entries(kernel.params));
      const first = Object.entries({ ...kernel.consts, ...kernel.options }).map(([n, v]) => [
        n,
        v[0],
      ]);
      expect(specialise(source, Object.fromEntries(first))).toBe(source); // first = the WGSL's own
    });
  }

  it("has a unique name and a header that says what it is", () => {
    const names = kernels.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
    for (const kernel of kernels)
      expect(read(kernel.source).split("\n")[0]).toMatch(new RegExp(`^// ${kernel.name} — .+`));
  });

  it("is on disk only if a record names it", () => {
    const named = new Set(kernels.map((kernel) => kernel.source.href));
    const variants = kernels.flatMap((k) => [
      k,
      ...SUBGROUP_SIZES.map((n) => forSubgroups(k, n)),
      ...(["subgroup", "threads"] as const).map((by) => forMatrices(k, by)),
    ]);
    const used = new Set(variants.flatMap((kernel) => kernel?.uses ?? []));
    for (const folder of folders("kernels/"))
      for (const file of readdirSync(new URL(`kernels/${folder}/`, root)))
        if (file.endsWith(".wgsl")) {
          const known =
            folder === "lib"
              ? used.has(basename(file, ".wgsl"))
              : named.has(new URL(`kernels/${folder}/${file}`, root).href);
          expect(known, `kernels/${folder}/${file} is used`).toBe(true);
        }
  });
});

/** The exported functions of a TypeScript file with their doc comments. */
function exportedFunctions(path: string): { name: string; doc: string }[] {
  const file = ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true);
  return file.statements
    .filter(ts.isFunctionDeclaration)
    .filter((f) => f.modifiers?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword))
    .map((f) => ({
      name: f.name?.text ?? "",
      doc: ts
        .getJSDocCommentsAndTags(f)
        .map((d) => d.getText(file))
        .join("\n"),
    }));
}

describe("every op", () => {
  const files = readdirSync(new URL("engine/ops/", root)).filter((file) => file !== "index.ts");
  for (const file of files) {
    it(`${file} has a case and an export`, () => {
      expect(existsSync(new URL(`test/ops/${file}`, root)), `test/ops/${file} exists`).toBe(true);
      expect(read("engine/ops/index.ts")).toContain(`"./${file}"`);
    });

    it(`${file} documents what it exports`, () => {
      for (const { name, doc } of exportedFunctions(`engine/ops/${file}`)) {
        expect(doc, `${name} has a doc comment`).not.toBe("");
        if (read("engine/ops/index.ts").match(new RegExp(`\\b${name}\\b`)))
          expect(doc, `${name} states its parameters and result`).toMatch(/@param[\s\S]*@returns/);
      }
    });
  }
});

describe("the checks themselves", () => {
  it("name an import that points the wrong way, a circle, and Node behind a seam", () => {
    const faults = layerFaults([
      { path: "kernels/a.ts", imports: ["../engine/b.ts", "node:fs"] },
      { path: "engine/b.ts", imports: ["./c.ts"] },
      { path: "engine/c.ts", imports: ["./b.ts"] },
    ]);
    expect(faults.join("\n")).toContain("kernels/a.ts: kernels must not import engine");
    expect(faults.join("\n")).toContain("it imports node:fs");
    expect(faults.join("\n")).toContain("engine/b.ts → engine/c.ts → engine/b.ts");
  });

  it("name a file, a line and a function that are too long", () => {
    const body = "  work();\n".repeat(41);
    const faults = sizeFaults("a.ts", `function f() {\n${body}}\n${"x".repeat(101)}`);
    expect(faults.join("\n")).toContain("a.ts:1: a function has 43 lines");
    expect(faults.join("\n")).toContain("a.ts:44: the line has 101 characters");
    expect(sizeFaults("a.wgsl", "\n".repeat(200).replaceAll("\n", "//\n"))[0]).toContain(
      "200 lines",
    );
  });
});
