export { add } from "./add.ts";
export { batchnorm, batchnormEval } from "./batchnorm.ts";
export { gatherRows } from "./gatherRows.ts";
export { layernorm } from "./layernorm.ts";
export { averagePool, maxPool } from "./pool.ts";
export { reshape } from "./reshape.ts";
export { repeatRows, sumRows } from "./rows.ts";
export { unitRows } from "./unitRows.ts";
export { gatherWords, scatterWords } from "./words.ts";
