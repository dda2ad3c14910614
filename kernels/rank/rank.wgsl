// rank — how large a share of each row's scores is above a score of its own.
//
//   rank[b] = #{ p : scores[b,p] > own[b] + margin } / P
//
//   scores  f32[B, P]
//   own     f32[B]
//   rank    f32[B]    in [0, 1]
//
// One workgroup per row: threads stride over it and count, the counts are added exactly (below
// 2²⁴ rows), and divided once.
//
// Source: derived here.

const WG: u32 = 64; // threads per workgroup; a power of two (workgroup_sum)

struct Params { B: u32, P: u32, margin: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read> own: array<f32>;
@group(0) @binding(3) var<storage, read_write> rank: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let b = linear_workgroup(group, groups);
  var above = 0.0;
  if (b < params.B) {
    let limit = own[b] + params.margin;
    for (var p = thread; p < params.P; p += WG) {
      above += select(0.0, 1.0, scores[b * params.P + p] > limit);
    }
  }
  above = workgroup_sum(thread, above);
  if (thread == 0u && b < params.B) {
    rank[b] = above / f32(params.P);
  }
}
