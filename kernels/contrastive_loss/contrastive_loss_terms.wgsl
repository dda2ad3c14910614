// contrastive_loss_terms — the terms of the symmetric cross-entropy: the second pass of
// contrastive_loss.
//
//   z[i,j]    = exp(log_scale) · Σ_e images[i,e] · texts[j,e]
//   P(i)      = { j : ids[j] = ids[i] }                      the positives of i; i is among them
//   lse[i]    = log Σ_j exp(z[i,j])       lse[B + i] = log Σ_j exp(z[j,i])
//   share[i]  = 1 / |P(i)|
//   term[i]   = (lse[i] + lse[B + i] − 2 · share[i] · Σ_{j∈P(i)} z[i,j]) / (2 B)
//   the loss  = Σ term                    (sum_rows)
//   with SIDES 1, term[i] = (lse[i] − share[i] · Σ_{j∈P(i)} z[i,j]) / B
//
//   images, texts  f32[B, VECTOR · width], or f16 each
//   log_scale      f32[1]
//   ids            u32[B]                 all different: plain CLIP
//   parts          f32[row_parts + column_parts, B]    of lse, as contrastive_loss leaves them
//   lse            f32[2 B]
//   share, term    f32[B]
//
// Summed over i, the positives of columns have the same terms as those of rows, so each is met
// once. One thread per row. Error: that of a z (contrastive_loss), and a few units in the last
// place of lse.
//
// Source: Radford et al. 2021, arXiv:2103.00020, figure 3; several positives as in Khosla et al.
// 2020, arXiv:2004.11362, eq. 2.

const WG: u32 = 64; // threads per workgroup
const SIDES: u32 = 2; // 1: only each image among the texts
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_IMAGES: u32 = 32; // bits of an element of images: 16 where it is f16
alias ElemImages = f32;
alias VectorImages = ElemImages;
const ELEMENT_TEXTS: u32 = 32; // bits of an element of texts: 16 where it is f16
alias ElemTexts = f32;
alias VectorTexts = ElemTexts;

struct Params { B: u32, width: u32 /* Vectors of a row */, row_parts: u32, column_parts: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> images: array<VectorImages>;
@group(0) @binding(2) var<storage, read> texts: array<VectorTexts>;
@group(0) @binding(3) var<storage, read> log_scale: array<f32>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(5) var<storage, read> parts: array<f32>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;
@group(0) @binding(7) var<storage, read_write> share: array<f32>;
@group(0) @binding(8) var<storage, read_write> term: array<f32>;

// The log-sum-exp of parts first … end − 1 of line i.
fn joined(i: u32, first: u32, end: u32) -> f32 {
  var top = parts[first * params.B + i];
  for (var c = first + 1u; c < end; c++) {
    top = max(top, parts[c * params.B + i]);
  }
  var sum = 0.0;
  for (var c = first; c < end; c++) {
    sum += exp(parts[c * params.B + i] - top);
  }
  return top + log(sum);
}

fn similarity(i: u32, j: u32) -> f32 {
  var sum = 0.0;
  let width = params.width;
  for (var e = 0u; e < width; e++) {
    sum += vector_dot(Vector(images[i * width + e]), Vector(texts[j * width + e]));
  }
  return sum;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  let size = params.B;
  if (i >= size) {
    return;
  }
  let id = ids[i];
  var count = 0.0;
  var sum = 0.0;
  var j = 0u;
  loop {
    while (j < size && ids[j] != id) { // first all threads look, then they multiply together
      j++;
    }
    if (j >= size) {
      break;
    }
    count += 1.0;
    sum += similarity(i, j);
    j++;
  }
  let positive = exp(log_scale[0]) * sum / count;
  let row_lse = joined(i, 0u, params.row_parts);
  let column_lse = joined(i, params.row_parts, params.row_parts + params.column_parts);
  lse[i] = row_lse;
  lse[size + i] = column_lse;
  share[i] = 1.0 / count;
  let column_term = select(column_lse - positive, 0.0, SIDES == 1u);
  term[i] = ((row_lse - positive) + column_term) / f32(SIDES * size);
}
