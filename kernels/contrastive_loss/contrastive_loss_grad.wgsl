// contrastive_loss_grad — the cotangents of contrastive_loss.
//
//   z[i,j]      = exp(log_scale) · similarity[i,j]
//   g[i,j]      = dloss / (2 size) · (exp(z − lse[i]) + exp(z − lse[size + j]) − 2 · positive[i,j])
//   positive    = 1 / |P(i)| where ids[i] = ids[j], else 0
//   dsimilarity = exp(log_scale) · g
//   dscale[i]   = Σ_j g[i,j] · z[i,j]      to be summed over i (sum_rows)
//
//   similarity, dsimilarity  f32[size, size]
//   log_scale, dloss         f32[1]
//   ids                      u32[size]
//   lse                      f32[2 size]
//   dscale                   f32[size]
//
// One workgroup per row; threads stride over the columns by WG. P(i) = P(j) where ids agree, so one
// count serves both directions.
//
// Source: derived from contrastive_loss.wgsl.

const WG: u32 = 64; // threads per row; a power of two (workgroup_sum)

struct Params { size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> similarity: array<f32>;
@group(0) @binding(2) var<storage, read> log_scale: array<f32>;
@group(0) @binding(3) var<storage, read> ids: array<u32>;
@group(0) @binding(4) var<storage, read> lse: array<f32>;
@group(0) @binding(5) var<storage, read> dloss: array<f32>;
@group(0) @binding(6) var<storage, read_write> dsimilarity: array<f32>;
@group(0) @binding(7) var<storage, read_write> dscale: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups);
  let size = params.size;
  if (i >= size) {
    return; // uniform over the workgroup
  }
  var same = 0.0;
  for (var j = thread; j < size; j += WG) {
    same += select(0.0, 1.0, ids[j] == ids[i]);
  }
  let share = 1.0 / workgroup_sum(thread, same);
  let scale = exp(log_scale[0]);
  let weight = dloss[0] / f32(2u * size);
  var sum = 0.0;
  for (var j = thread; j < size; j += WG) {
    let z = scale * similarity[i * size + j];
    let positive = select(0.0, share, ids[j] == ids[i]);
    let g = weight * (exp(z - lse[i]) + exp(z - lse[size + j]) - 2.0 * positive);
    dsimilarity[i * size + j] = scale * g;
    sum += g * z;
  }
  let total = workgroup_sum(thread, sum);
  if (thread == 0u) {
    dscale[i] = total;
  }
}
