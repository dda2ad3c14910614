enable subgroups;
// lanes_subgroup — lanes's sums and maxima where the threads that share a row are a subgroup.
//
// WGSL does not say which threads of a workgroup make a subgroup, so a workgroup is one, except on
// software adapters, where neighbours do, as the tests of every kernel show.
//
// Threads at distance LANES/2, LANES/4 … 1 exchange what they have, so the order of a sum is fixed
// and its rounding error is at most log2(LANES) units in the last place of the sum of magnitudes.
//
// Needs `const LANES: u32`, the size of the subgroup. All threads must call.

fn lanes_sum(thread: u32, value: f32) -> f32 {
  var sum = value;
  for (var distance = LANES / 2u; distance > 0u; distance /= 2u) {
    sum += subgroupShuffleXor(sum, distance);
  }
  return sum;
}

fn lanes_max(thread: u32, value: f32) -> f32 {
  var most = value;
  for (var distance = LANES / 2u; distance > 0u; distance /= 2u) {
    most = max(most, subgroupShuffleXor(most, distance));
  }
  return most;
}
