// moving_average — move averages a part of the way to new values, in place; three tensors at once.
//
//   average_k[i] ← average_k[i] + rate · (x_k[i] − average_k[i])     k = 0, 1, 2
//
//   rate           f32[1]
//   x_k, average_k f32[count_k]    averages updated in place; a count of 0 leaves one alone
//
// One thread per element of the longest. A model has a hundred tensors, most of them short: three
// in a dispatch are as many as the eight buffers that every adapter binds allow. In this form an
// average of equal values stays exactly what it is.

const WG: u32 = 64; // threads per workgroup

struct Params { count0: u32, count1: u32, count2: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rate: array<f32>;
@group(0) @binding(2) var<storage, read> x0: array<f32>;
@group(0) @binding(3) var<storage, read> x1: array<f32>;
@group(0) @binding(4) var<storage, read> x2: array<f32>;
@group(0) @binding(5) var<storage, read_write> average0: array<f32>;
@group(0) @binding(6) var<storage, read_write> average1: array<f32>;
@group(0) @binding(7) var<storage, read_write> average2: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i < params.count0) {
    average0[i] += rate[0] * (x0[i] - average0[i]);
  }
  if (i < params.count1) {
    average1[i] += rate[0] * (x1[i] - average1[i]);
  }
  if (i < params.count2) {
    average2[i] += rate[0] * (x2[i] - average2[i]);
  }
}
