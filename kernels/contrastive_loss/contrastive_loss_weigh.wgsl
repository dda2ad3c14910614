// contrastive_loss_weigh — weights of pairs in the terms of contrastive_loss_terms, and in what
// their gradient is made of.
//
//   w[i]         = weight[i] · B / Σ_j weight[j]          0 where all weights are 0
//   term[i]      = w[i] · terms[i]
//   share[i]     = w[i] · shares[i]
//   lse[i]       = lses[i] − log w[i]                     so exp(z − lse) is w[i] · exp(z − lses);
//   lse[B + i]   = lses[B + i] − log w[i]                 f32's largest where w[i] = 0
//
//   weight, terms, shares, term, share  f32[B]
//   lses, lse                           f32[2 B]
//
// One thread per pair; each adds up all weights in order. Right where no two pairs share positives.
// Error: B units in the last place of the sum, a few of lse.
//
// Source: derived from contrastive_loss_slope.wgsl.

const WG: u32 = 64; // threads per workgroup
const NEVER: f32 = 3.4028234663852886e38; // the largest f32: exp(z − NEVER) is 0

struct Params { B: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> terms: array<f32>;
@group(0) @binding(3) var<storage, read> shares: array<f32>;
@group(0) @binding(4) var<storage, read> lses: array<f32>;
@group(0) @binding(5) var<storage, read_write> term: array<f32>;
@group(0) @binding(6) var<storage, read_write> share: array<f32>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;

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
  var sum = 0.0;
  for (var j = 0u; j < size; j++) {
    sum += weight[j];
  }
  var w = 0.0;
  if (weight[i] > 0.0) {
    w = weight[i] * f32(size) / sum;
  }
  term[i] = w * terms[i];
  share[i] = w * shares[i];
  for (var line = i; line < 2u * size; line += size) {
    lse[line] = select(NEVER, lses[line] - log(max(w, 1e-37)), w > 0.0);
  }
}
