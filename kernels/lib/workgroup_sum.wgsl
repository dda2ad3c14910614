// workgroup_sum — the sum of one value per thread, given to every thread of the workgroup.
//
// A tree over workgroup memory: pairs at distance WG/2, WG/4 … 1, so the order of the sum is fixed
// and its rounding error is at most log2(WG) units in the last place of the sum of magnitudes.
//
// Needs `const WG: u32`, a power of two: the number of threads. All threads must call it.

var<workgroup> workgroup_sum_parts: array<f32, WG>;

fn workgroup_sum(thread: u32, value: f32) -> f32 {
  workgroup_sum_parts[thread] = value;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (thread < half) {
      workgroup_sum_parts[thread] += workgroup_sum_parts[thread + half];
    }
    workgroupBarrier();
  }
  let sum = workgroup_sum_parts[0];
  workgroupBarrier(); // the next call overwrites the parts
  return sum;
}
