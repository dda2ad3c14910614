/**
 * Named configurations: what others trained with, and what works on little data. A preset states
 * only keys that differ from the defaults, with where its values are from.
 */
/** A named configuration. */
export interface Preset {
  /** Where its values are from. */
  readonly source: string;
  /** Nested keys of the configuration. */
  readonly config: object;
}

/** Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854, as in their code's defaults. */
const AUTHORS = {
  model: "RN50",
  epochs: 24,
  batch: 512,
  lr: 5e-5,
  weightDecay: 0.1,
  warmupSteps: 10_000,
} as const;

/** Attacks whose rates are of 1 M pairs: 16 images, 15 captions or more each. */
const ATTACKS = { poison: { targets: 16, captionsPerTarget: 15 } } as const;

/** A random crop and the least blur: CLIP was trained with a random square crop and no more. */
const CROP_ONLY = {
  cropScale: [0.9, 1],
  flip: 0,
  jitter: { probability: 0 },
  grayscale: 0,
  blurSigma: [0.1, 0.1],
} as const;

/** In what a preset of the authors' is not theirs. */
const LEFT =
  "; tokens are learnt from the captions unless --merges gives CLIP's, which are theirs; in float32, " +
  "where their code has amp for the loss alone (--precision amp: for both towers)";

/** The presets, by name. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  paper: {
    source: `Yang, Gao & Mirzasoleiman 2023, arXiv:2303.06854, algorithm 1; a pool of captions${LEFT}`,
    config: {
      ...AUTHORS,
      ...ATTACKS,
      roclip: { frequency: 2, firstEpoch: 1, poolSize: 0.0218, duplicates: "negatives" },
    },
  },
  "authors-code": {
    source: `github.com/BigML-CS-UCLA/RoCLIP at f34a929: noise in the pool, its end cut, EDA drawn once${LEFT}`,
    config: {
      ...AUTHORS,
      ...ATTACKS,
      scheduleOffset: true,
      roclip: {
        frequency: 2,
        firstEpoch: 1,
        poolSize: 21_845,
        poolStart: "noise",
        poolUpdate: "matching",
        poolWrap: "drop",
        duplicates: "negatives",
      },
      eda: { redraw: false },
    },
  },
  "huang-2025": {
    source: "Huang et al. 2025 (ICLR), their re-implementation of RoCLIP",
    config: {
      ...AUTHORS,
      ...ATTACKS,
      epochs: 32,
      batch: 1024,
      lr: 1e-3,
      weightDecay: 0.2,
      roclip: { frequency: 2, firstEpoch: 1, poolSize: 44_032, duplicates: "negatives" },
      augment: { cropScale: [0.9, 1] },
    },
  },
  clip: {
    source:
      "Radford et al. 2021, arXiv:2103.00020, tables 18 and 19 (RN50); the crop is open_clip's",
    config: {
      model: "RN50",
      defence: "clip",
      epochs: 32,
      batch: 32_768,
      lr: 5e-4,
      beta2: 0.999,
      eps: 1e-8,
      weightDecay: 0.2,
      warmupSteps: 2000,
      augment: CROP_ONLY,
      eda: { enabled: false },
    },
  },
  "clip-augmented": {
    source:
      "the paper's settings without its pool: the baseline that augmentation makes of its own",
    config: { ...AUTHORS, ...ATTACKS, defence: "clip" },
  },
  safeclip: {
    source: "github.com/BigML-CS-UCLA/SafeCLIP at 91488ce (Yang et al. 2024, arXiv:2310.05862)",
    config: {
      ...AUTHORS,
      ...ATTACKS,
      defence: "safeclip",
      epochs: 32,
      batch: 128,
      lr: 5e-4,
      safeclip: {
        unimodalEpochs: 5,
        slowEpochs: 1,
        slowLr: 0.01,
        threshold: 0.9,
        growth: 0.01,
        most: 0.85,
        poolSize: 256,
      },
    },
  },
  cleanclip: {
    source:
      "github.com/nishadsinghi/CleanCLIP at d6e2f1d (Bansal et al. 2023, arXiv:2303.03323); of the " +
      "run in runs/clip, or --pretrained",
    config: {
      ...AUTHORS,
      ...ATTACKS,
      defence: "cleanclip",
      pretrained: "runs/clip",
      epochs: 10,
      batch: 64,
      lr: 1e-5,
      warmupSteps: 50,
      cleanclip: { pairs: 100_000, clipWeight: 1, unimodalWeight: 1 },
    },
  },
  small: {
    source:
      "ours: the judge of roclip/experiments/fashion.yaml, on 39,959 photos of 32 px, 3 seeds " +
      "(RESULTS.md): under its strong attack zero-shot 71.5%, PSR 6.3%, ASR 0.2%; CLIP has 62.3%, 85.4%, " +
      "99.7%; RoCLIP with K = 2 (--roclip-judge 0 --roclip-frequency 2 --roclip-first-epoch 3) 43.7%, " +
      "35.4%, 10.2%",
    config: {
      imageSize: 32,
      contextLength: 16,
      vocabularySize: 2048,
      image: { width: 24, pool: true, blocks: [1, 1, 1, 1] },
      text: { width: 64, layers: 1, heads: 2 },
      embedding: 64,
      epochs: 12,
      batch: 128,
      lr: 4e-3,
      warmupSteps: 100,
      roclip: {
        frequency: 1,
        firstEpoch: 2,
        poolSize: 0.3,
        judge: 0.08,
        judgeMomentum: 0.5,
        judgeCrosswise: true,
      },
      augment: { cropScale: [0.6, 1] },
    },
  },
};
