// batchnorm_stats — given statistics in the form that batchnorm and its gradients read.
//
//   stats[0,c] = mean[c]
//   stats[1,c] = 1 / √(variance[c] + eps)
//
//   mean, variance  f32[cols]
//   stats           f32[2, cols]
//
// One thread per column.

const WG: u32 = 64; // threads per workgroup

struct Params { cols: u32, eps: f32 /* added to the variance, in units of x² */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let c = group.x * WG + thread;
  if (c < params.cols) {
    stats[c] = mean[c];
    stats[params.cols + c] = 1.0 / sqrt(variance[c] + params.eps);
  }
}
