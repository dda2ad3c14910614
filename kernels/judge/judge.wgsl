// judge — whether each pair of a batch is kept: by how many captions of a pool are more similar to
// its image than its own.
//
//   rank[b]    = #{ p < filled : scores[b,p] > own[b] } / filled        0 where nothing is filled
//   ranks[i]   ← rank[b]                                   at the first visit, ranks[i] < 0
//                momentum · ranks[i] + (1 − momentum) · rank[b]         later;    i = pairs[b]
//   kept[b]    = 1 where ranks[i] ≤ share, else 0
//
//   scores  f32[B, P]    similarities of the batch's images to the pool's captions
//   own     f32[B]       and to their own
//   count   u32[…]       filled = min(count[count_at], P)
//   pairs   u32[B]       distinct, each below N
//   ranks   f32[N]       updated
//   kept    f32[B]
//
// One workgroup per row: threads stride over it and count, the counts are added exactly (below
// 2²⁴ rows). The average has the error of three operations.
//
// Source: derived here.

const WG: u32 = 64; // threads per workgroup; a power of two (workgroup_sum)

struct Params { B: u32, P: u32, count_at: u32, momentum: f32, share: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read> own: array<f32>;
@group(0) @binding(3) var<storage, read> count: array<u32>;
@group(0) @binding(4) var<storage, read> pairs: array<u32>;
@group(0) @binding(5) var<storage, read_write> ranks: array<f32>;
@group(0) @binding(6) var<storage, read_write> kept: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let b = linear_workgroup(group, groups);
  let filled = min(count[params.count_at], params.P);
  var above = 0.0;
  if (b < params.B) {
    let limit = own[b];
    for (var p = thread; p < filled; p += WG) {
      above += select(0.0, 1.0, scores[b * params.P + p] > limit);
    }
  }
  above = workgroup_sum(thread, above);
  if (thread > 0u || b >= params.B) {
    return;
  }
  let rank = above / f32(max(filled, 1u));
  let before = ranks[pairs[b]];
  let averaged = params.momentum * before + (1.0 - params.momentum) * rank;
  let judged = select(averaged, rank, before < 0.0);
  ranks[pairs[b]] = judged;
  kept[b] = select(0.0, 1.0, judged <= params.share);
}
