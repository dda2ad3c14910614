// workgroup_max — the largest of one value per thread, given to every thread of the workgroup.
//
// A tree over workgroup memory. Exact: the result does not depend on the order.
//
// Needs `const WG: u32`, a power of two: the number of threads. All threads must call it.

var<workgroup> workgroup_max_parts: array<f32, WG>;

fn workgroup_max(thread: u32, value: f32) -> f32 {
  workgroup_max_parts[thread] = value;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (thread < half) {
      workgroup_max_parts[thread] =
        max(workgroup_max_parts[thread], workgroup_max_parts[thread + half]);
    }
    workgroupBarrier();
  }
  let largest = workgroup_max_parts[0];
  workgroupBarrier(); // the next call overwrites the parts
  return largest;
}
