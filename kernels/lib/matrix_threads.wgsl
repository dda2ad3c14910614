// matrix_threads — product_matrix's matrices multiplied by plain threads, without a matrix unit.
//
// No faster way to a product: it is how product_matrix is tested where there is no such unit. Each
// of a team's LANES threads has consecutive sums of a row; a matrix is the number of its block in
// workgroup memory. Each sum runs over its terms in order.

const PER_LANE: u32 = 256u / LANES; // sums of a thread; they are in one row

alias LeftMatrix = u32;
alias RightMatrix = u32;
alias Sums = array<f32, PER_LANE>;

var<private> lane: u32;

fn team_of(thread: u32) -> u32 {
  lane = thread % LANES;
  return thread / LANES;
}

fn left_matrix(block: u32) -> LeftMatrix { return block; }
fn right_matrix(block: u32) -> RightMatrix { return block; }

fn multiply_add(left: LeftMatrix, right: RightMatrix, sums: Sums) -> Sums {
  let row = lane * PER_LANE / 16u * STRIDE;
  let first = lane * PER_LANE % 16u;
  var added = sums;
  for (var at = row; at < row + 16u; at++) { // no constant bounds: unrolled, it compiles slowly
    let x = f32(staged_left[left][at]);
    for (var i = 0u; i < PER_LANE; i++) {
      let y = f32(staged_right[right][(first + i) * STRIDE + at - row]);
      added[i] = fma(x, y, added[i]);
    }
  }
  return added;
}

fn put(team: u32, sums: Sums) {
  for (var i = 0u; i < PER_LANE; i++) {
    finished[team][lane * PER_LANE + i] = sums[i];
  }
}
