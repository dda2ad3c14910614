/** The sizes of models that presets use: images, captions, both towers. */
export const MODELS = {
  /** Nearest to CLIP's RN50 with blocks of two convolutions: its stages, widths, text tower. */
  resnet50: {
    imageSize: 224,
    contextLength: 77,
    vocabularySize: 49_408,
    image: { width: 64, pool: true, blocks: [3, 4, 6, 3] },
    text: { width: 512, layers: 12, heads: 8 },
    embedding: 1024,
  },
  /** The demo's, with room for captions of 16 tokens. */
  small: {
    imageSize: 32,
    contextLength: 16,
    image: { width: 16, pool: true, blocks: [1, 1, 1, 1] },
    text: { width: 64, layers: 1, heads: 2 },
    embedding: 64,
  },
} as const;
