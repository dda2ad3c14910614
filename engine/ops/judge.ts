import { judge as kernel } from "../../kernels/judge/judge.ts";
import { launch, type Tensor } from "../graph.ts";
import { match } from "../shape.ts";
import { matmul } from "./matmul.ts";
import { multiply } from "./multiply.ts";
import { sumLast } from "./reduce.ts";

/** What is judged, and by what. */
export interface Judged {
  /** f32[B, D] */
  readonly images: Tensor;
  /** f32[B, D]: the caption of each image. */
  readonly texts: Tensor;
  /** f32[P, D]: other captions. */
  readonly pool: Tensor;
  /** u32[N] its last element: how many rows of the pool, from the first, take part. */
  readonly count: Tensor;
  /** u32[B], distinct: which pair each row is. */
  readonly pairs: Tensor;
}

/**
 * Judge pairs by a pool: how large a share of its captions is more similar to the image than the
 * image's own? A pair is kept while that rank, averaged over its visits, is at most `share`.
 *
 *   rank      = #{ p : images · pool_p > images · texts } / count
 *   ranks[i]  ← rank at the first visit; momentum · ranks[i] + (1 − momentum) · rank later
 *
 * The B · P similarities are stored while it runs. Not differentiable.
 *
 * @param ranks    f32[M] state, one for each pair; below 0 before the first visit
 * @param options  momentum from 0 to 1, of the average; share from 0 to 1
 * @returns        ranks f32[M], their new version; kept f32[B], 1 or 0
 * @throws         ShapeError unless the dimensions agree
 */
export function judge(
  ranks: Tensor,
  { images, texts, pool, count, pairs }: Judged,
  { momentum, share }: { readonly momentum: number; readonly share: number },
): { readonly ranks: Tensor; readonly kept: Tensor } {
  const { B, P, N } = match("judge", {
    ranks: [ranks, "M"],
    images: [images, "B D"],
    texts: [texts, "B D"],
    pool: [pool, "P D"],
    count: [count, "N", "u32"],
    pairs: [pairs, "B", "u32"],
  });
  const scores = matmul(images, pool, { transposeB: true });
  const own = sumLast(multiply(images, texts));
  return launch(
    kernel,
    { B, P, count_at: N - 1, momentum, share },
    { scores, own, count, pairs, ranks },
    { kept: [B] },
  );
}
