// lanes — sum and maximum over the LANES neighbouring threads that share a row of a matrix, given
// to each of them.
//
// A tree over workgroup memory: pairs at distance LANES/2, LANES/4 … 1, so the order of a sum is
// fixed, and the same as lanes_subgroup's. Its rounding error is at most log2(LANES) units in the
// last place of the sum of magnitudes.
//
// Needs `const WG: u32`, threads per workgroup, and `const LANES: u32`, a power of two that divides
// it. All threads must call; a thread whose row does not exist gives any value.

var<workgroup> lanes_parts: array<f32, WG>;

fn lanes_sum(thread: u32, value: f32) -> f32 {
  lanes_parts[thread] = value;
  workgroupBarrier();
  for (var distance = LANES / 2u; distance > 0u; distance /= 2u) {
    if (thread % LANES < distance) {
      lanes_parts[thread] += lanes_parts[thread + distance];
    }
    workgroupBarrier();
  }
  let sum = lanes_parts[thread - thread % LANES];
  workgroupBarrier(); // the next call overwrites the parts
  return sum;
}

fn lanes_max(thread: u32, value: f32) -> f32 {
  lanes_parts[thread] = value;
  workgroupBarrier();
  for (var distance = LANES / 2u; distance > 0u; distance /= 2u) {
    if (thread % LANES < distance) {
      lanes_parts[thread] = max(lanes_parts[thread], lanes_parts[thread + distance]);
    }
    workgroupBarrier();
  }
  let most = lanes_parts[thread - thread % LANES];
  workgroupBarrier();
  return most;
}
