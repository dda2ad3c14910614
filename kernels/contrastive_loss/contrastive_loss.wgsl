// contrastive_loss — terms of the symmetric cross-entropy of a square matrix of similarities.
//
//   z[i,j]    = exp(log_scale) · similarity[i,j]
//   P(i)      = { j : ids[j] = ids[i] }                      the positives of i; i is among them
//   lse[i]    = log Σ_j exp(z[i,j])       lse[size + j] = log Σ_i exp(z[i,j])
//   term[i]   = (lse[i] − mean_{j∈P(i)} z[i,j]) / (2 size)   and the same for columns
//   the loss  = Σ term                                       (sum_rows)
//
//   similarity  f32[size, size]    rows are images, columns texts
//   log_scale   f32[1]
//   ids         u32[size]          all different: plain CLIP
//   lse, term   f32[2 size]        rows first, then columns
//
// One workgroup per row or column; threads stride over it by WG. The largest z is subtracted before
// the exponentials. Error of a sum: about size / WG + log2(WG) units in the last place.
//
// Source: Radford et al. 2021, arXiv:2103.00020, figure 3; several positives as in Khosla et al.
// 2020, arXiv:2004.11362, eq. 2.

const WG: u32 = 64; // threads per row; a power of two (workgroup_sum, workgroup_max)

struct Params { size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> similarity: array<f32>;
@group(0) @binding(2) var<storage, read> log_scale: array<f32>;
@group(0) @binding(3) var<storage, read> ids: array<u32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<storage, read_write> term: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let line = linear_workgroup(group, groups);
  let size = params.size;
  if (line >= 2u * size) {
    return; // uniform over the workgroup
  }
  let is_row = line < size;
  let i = select(line - size, line, is_row);
  let first = select(i, i * size, is_row);
  let stride = select(size, 1u, is_row);
  let scale = exp(log_scale[0]);

  var largest = -3.4e38;
  for (var j = thread; j < size; j += WG) {
    largest = max(largest, scale * similarity[first + j * stride]);
  }
  let top = workgroup_max(thread, largest);
  var sum = 0.0;
  var positive = 0.0;
  var count = 0.0;
  for (var j = thread; j < size; j += WG) {
    let z = scale * similarity[first + j * stride];
    sum += exp(z - top);
    if (ids[j] == ids[i]) {
      positive += z;
      count += 1.0;
    }
  }
  let line_lse = top + log(workgroup_sum(thread, sum));
  let mean_positive = workgroup_sum(thread, positive) / workgroup_sum(thread, count);
  if (thread == 0u) {
    lse[line] = line_lse;
    term[line] = (line_lse - mean_positive) / f32(2u * size);
  }
}
