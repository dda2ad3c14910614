/** What the two kernels of the measured roof compute, besides keeping the adapter busy. */
import { launch, type Tensor } from "../../engine/graph.ts";
import { LANES, roofCopy, roofFma } from "../../kernels/roof/roof.ts";
import { type Array64, array64, defineCase } from "../case.ts";

const THREADS = 65;
const ROUNDS = 30;
const { CHAINS, STEPS } = roofFma.options;
const CHOICES = CHAINS.flatMap((chains) => STEPS.map((steps) => ({ chains, steps })));

/** By the choices of CHAINS and STEPS. */
function each<T>(make: (chains: number, steps: number) => T): Record<string, T> {
  return Object.fromEntries(
    CHOICES.map(({ chains, steps }) => [`${chains} × ${steps}`, make(chains, steps)]),
  );
}

export const fma = defineCase<never>({
  run: () => {
    const params = { threads: THREADS, rounds: ROUNDS, factor: 0.75, term: 0.25 };
    return each<Tensor>(
      (CHAINS, STEPS) => launch(roofFma, params, {}, { y: [THREADS] }, { CHAINS, STEPS }).y,
    );
  },
  reference: () =>
    each<Array64>((chains, steps) =>
      array64([THREADS], (thread) => {
        let sum = 0;
        for (let k = 0; k < 8; k++)
          for (let lane = 0; lane < LANES; lane++) {
            const start = thread * 2 ** -lane + k; // 1 is where a chain stays
            sum += k < chains ? 1 + (start - 1) * 0.75 ** (steps * ROUNDS) : start;
          }
        return sum;
      }),
    ),
  shapes: [{} as Record<never, readonly number[]>],
  tolerance: { relative: 1e-6, why: "each step rounds once, and shrinks what was rounded before" },
});

export const copy = defineCase<"x">({
  run: ({ x }) => launch(roofCopy, { count: x.shape[0]! / LANES }, { x }, { y: x.shape }).y,
  reference: ({ x }) => x,
  shapes: [{ x: [4] }, { x: [LANES * 1027] }],
  differentiable: [],
  tolerance: { relative: 0, why: "a copy" },
});
