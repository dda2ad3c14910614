/**
 * The demonstration: emoji drawn in three styles, attacked as in the paper, trained twice.
 *
 * The paper's claim that it stands for: targeted poisoning that succeeds on 15 of 16 images under
 * CLIP succeeds on 2 of 16 under RoCLIP, and backdoors fall to 0 (Yang, Gao & Mirzasoleiman 2023,
 * arXiv:2303.06854, abstract; 1 M pairs, ResNet-50). Aimed at here: PSR at least 0.75 under CLIP
 * and at most 0.25 under RoCLIP, whose zero-shot accuracy is at least 0.8 of CLIP's; README says
 * how near each seed comes. The pool is far larger than the paper's 2% of the data: a small share
 * of 5,000 captions holds too few of each class to match with.
 */
export const DEMO = {
  epochs: 12,
  batch: 64,
  imageSize: 32,
  contextLength: 12,
  vocabularySize: 2048,
  image: { width: 16, pool: true, blocks: [1, 1, 1, 1] },
  text: { width: 64, layers: 1, heads: 2 },
  embedding: 64,
  lr: 2e-3,
  warmupSteps: 50,
  augment: { cropScale: [0.6, 1] },
  roclip: { frequency: 3, firstEpoch: 3, poolSize: 3000 },
  poison: { targets: 16, captionsPerTarget: 28 },
  backdoor: { count: 150, targetClass: "moon", patch: 0.25 },
} as const;
