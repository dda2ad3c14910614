// lanes — sum and maximum over the LANES neighbouring threads that share a row of a matrix, given
// to each of them.
//
// The parts go through workgroup memory, then every thread takes all LANES of its row in order: one
// barrier where a tree has log2(LANES), and a fixed order. The rounding error of a sum is at most
// LANES units in the last place of the sum of magnitudes.
//
// Needs `const WG: u32`, threads per workgroup, and `const LANES: u32`, a divisor of it. All
// threads must call; a thread whose row does not exist gives any value.

var<workgroup> lanes_parts: array<f32, WG>;

fn lanes_sum(thread: u32, value: f32) -> f32 {
  lanes_parts[thread] = value;
  workgroupBarrier();
  let first = thread - thread % LANES;
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) {
    sum += lanes_parts[first + i];
  }
  workgroupBarrier(); // the next call overwrites the parts
  return sum;
}

fn lanes_max(thread: u32, value: f32) -> f32 {
  lanes_parts[thread] = value;
  workgroupBarrier();
  let first = thread - thread % LANES;
  var most = lanes_parts[first];
  for (var i = 1u; i < LANES; i++) {
    most = max(most, lanes_parts[first + i]);
  }
  workgroupBarrier();
  return most;
}
