// unit_row — a row divided by its Euclidean length, by the LANES threads that share it.
//
//   length = max(√(Σ_c x[x_first + c]²), TINY)
//   put(put_first + c, x[x_first + c] / length)    for c < end: WIDTH, or 0 where there is no row
//
// A row is read once: a thread keeps its first KEPT Vectors in registers, and only what is beyond
// is read again.
//
// A sum runs over a thread's Vectors in order, then their elements, then the lanes as a tree; its
// error is at most WIDTH / LANES + VECTOR + log2(LANES) units in the last place of the sum of
// magnitudes, and that of the length half as much. A zero row stays zero. Squares leave f32 where
// |x| > 1e19 (then the row is 0) or |x| < 1e-23 (then the length is TINY).
//
// The kernel defines x, an array of what Vector(…) takes, put(at, value), KEPT, WIDTH, VECTOR, and
// what lanes and vector_dot need. All threads must call.
//
// Source: torch.nn.functional.normalize, whose eps TINY is.

const TINY: f32 = 1e-12;
const HELD: u32 = min(KEPT, (WIDTH + LANES - 1u) / LANES);

fn unit_row(thread: u32, x_first: u32, put_first: u32, end: u32) -> f32 {
  let lane = thread % LANES;
  var held: array<Vector, HELD>;
  var squares = Vector();
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      held[i] = Vector(x[x_first + c]);
      squares += held[i] * held[i];
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    let value = Vector(x[x_first + c]);
    squares += value * value;
  }
  let length = max(sqrt(lanes_sum(thread, vector_dot(Vector(1.0), squares))), TINY);
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      put(put_first + c, held[i] / length);
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    put(put_first + c, Vector(x[x_first + c]) / length);
  }
  return length;
}
