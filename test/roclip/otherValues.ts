/** Another value of every key, by where it must be seen (everySwitch.test.ts). */

/** A key's other value, and what must be set beside it for the key to mean anything. */
type Change = readonly [value: unknown, beside?: object];

const SGD = { optimiser: "sgd" };
const SAFECLIP = {
  defence: "safeclip",
  epochs: 4,
  safeclip: { unimodalEpochs: 1, slowEpochs: 1, poolSize: 32, growth: 0.1 },
};
/** Fine-tunes the run of no changes, whose folder is known when it ran. */
const CLEANCLIP = { defence: "cleanclip", pretrained: "" };
const JITTER = { augment: { jitter: { probability: 1 } } };
const BLUR = { augment: { blurSigma: [20, 28] } }; // 1.4 to 2 of 16 pixels
/** Else the plain epoch fills the pool before it is looked at. */
const MATCHING = { roclip: { poolUpdate: "matching" } };
const JUDGE = { roclip: { frequency: 1, judge: 0.5 } };

const RESNET = { model: "RN-tiny-32px" };

/** Seen in a whole run: the losses of its steps, and the parameters that it leaves. */
export const IN_RUNS: Record<string, Change> = {
  seed: [2],
  defence: ["clip"],
  epochs: [2],
  batch: [12],
  precision: ["amp"],
  "image.pool": [true],
  "text.heads": [4],
  optimiser: ["sgd"],
  lr: [1e-3],
  beta1: [0.5],
  beta2: [0.9],
  eps: [1e-3],
  momentum: [0, SGD],
  weightDecay: [0],
  clipNorm: [0.1],
  lrSchedule: ["linear"],
  ema: [0.5, { ema: 0.9 }], // without it there is no average to compare
  warmupSteps: [5],
  scheduleOffset: [true],
  "roclip.frequency": [1],
  "roclip.firstEpoch": [3],
  "roclip.epochs": [[3]],
  "roclip.poolSize": [32],
  "roclip.poolStart": ["noise", MATCHING],
  "roclip.poolUpdate": ["matching"],
  "roclip.poolWrap": ["drop", { roclip: { poolSize: 40 } }], // batches of 16 end within 48
  "roclip.reencodeEvery": [2],
  "roclip.direction": ["both"],
  "roclip.duplicates": ["excluded"],
  "roclip.judge": [0.5],
  "roclip.judgeMomentum": [0.5, JUDGE],
  "roclip.judgeCrosswise": [true, JUDGE],
  "roclip.textGradient": ["re-encoded"],
  "safeclip.unimodalEpochs": [2, SAFECLIP],
  "safeclip.slowEpochs": [0, SAFECLIP],
  "safeclip.slowLr": [0.5, SAFECLIP],
  "safeclip.threshold": [1, SAFECLIP],
  "safeclip.growth": [0.2, SAFECLIP],
  "safeclip.most": [0.05, SAFECLIP],
  "safeclip.poolSize": [64, SAFECLIP],
  "cleanclip.pairs": [0.5, CLEANCLIP],
  "cleanclip.clipWeight": [2, CLEANCLIP],
  "cleanclip.unimodalWeight": [2, CLEANCLIP],
  "augment.enabled": [false],
  "augment.cropScale": [[0.9, 1]],
  "augment.cropRatio": [[1, 1]],
  "augment.flip": [0],
  "augment.jitter.brightness": [0, JITTER],
  "augment.jitter.contrast": [0, JITTER],
  "augment.jitter.saturation": [0, JITTER],
  "augment.jitter.hue": [0, JITTER],
  "augment.jitter.probability": [1],
  "augment.grayscale": [1],
  "augment.blurSigma": [[20, 28]],
  "augment.blurKernel": [0.3, BLUR],
  "eda.enabled": [false],
  "eda.redraw": [false],
  "eda.alpha": [0.9],
  "eda.deletion": [0.9],
};

/** Seen in the parameters that a run begins with. */
export const IN_STATE: Record<string, Change> = {
  model: ["ViT-tiny-32px", RESNET],
  contextLength: [12],
  compactVocabulary: [true, { ...RESNET, merges: "a file" }],
  "image.width": [12],
  "image.blocks": [[1, 2]],
  "text.width": [32],
  "text.layers": [2],
  embedding: [24],
};

/** Seen in the attacked pairs; keys of `backdoor` are also those of every one of `backdoors`. */
export const IN_ATTACKS: Record<string, Change> = {
  attackSeed: [2],
  "poison.targets": [1],
  "poison.captionsPerTarget": [1],
  "backdoor.count": [2],
  "backdoor.targetClass": ["dog"],
  "backdoor.patch": [0.75],
  "backdoor.kind": ["sig"],
  "backdoor.place": ["fixed"],
  "backdoor.label": ["consistent"],
  "backdoor.trigger": ["zebra", { backdoor: { kind: "word" } }],
};

/** Seen below in what is read, and in what a run takes. */
export const ONE_BY_ONE = ["imageSize", "vocabularySize", "merges", "memory"];

/** Seen by tests of their own: files are read, or the bits stay and the memory changes. */
export const ELSEWHERE: Record<string, string> = {
  microBatch: "microBatch",
  recompute: "microBatch",
  pretrained: "cli",
};
