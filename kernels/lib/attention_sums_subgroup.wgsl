enable subgroups;
// attention_sums_subgroup — attention_rows's products and weighted sums for narrow subgroups.
//
// Products are summed over a thread's elements, then over the threads, neighbours first; what is
// sent is what the receiver sums, so that each thread ends with its own row's. The rows are those
// of attention_rows_subgroup.

alias Sums = array<Four, GROUPS>;
alias Values = array<vec4<f32>, GROUPS>; // one for each row

fn add_products(x: Four, y: Four, sum: Four) -> Four {
  let a = fma(x.a, y.a, sum.a);
  let b = fma(x.b, y.b, sum.b);
  return Four(a, b, fma(x.c, y.c, sum.c), fma(x.d, y.d, sum.d));
}

fn multiply_four(sums: ptr<function, Sums>, rows: ptr<function, Rows>, other: Other, n: u32) {
  if (n < FOURS) {
    let x = other[n / GROUPS];
    (*sums)[n % GROUPS] = add_products((*rows)[n], Four(x, x, x, x), (*sums)[n % GROUPS]);
  }
}

// The sum over a quad of the row thread % 4.
fn sum_quad(x: Four, thread: u32) -> f32 {
  let one = Vector(1.0);
  let ab = vec2(vector_dot(x.a, one), vector_dot(x.b, one));
  let cd = vec2(vector_dot(x.c, one), vector_dot(x.d, one));
  let odd = thread % 2u == 1u;
  let sent = vec2(select(ab.y, ab.x, odd), select(cd.y, cd.x, odd));
  let two = vec2(select(ab.x, ab.y, odd), select(cd.x, cd.y, odd)) + quadSwapX(sent);
  let upper = thread % 4u > 1u;
  return select(two.x, two.y, upper) + quadSwapY(select(two.y, two.x, upper));
}

// The product of another row with the thread's row.
fn products(rows: ptr<function, Rows>, other: Other, thread: u32) -> f32 {
  var sums = Sums();
  multiply_four(&sums, rows, other, 0u);
  multiply_four(&sums, rows, other, 1u);
  multiply_four(&sums, rows, other, 2u);
  multiply_four(&sums, rows, other, 3u);
  for (var n = 4u; n < FOURS; n++) {
    multiply_four(&sums, rows, other, n);
  }
  let low = sum_quad(sums[0], thread);
  if (WG == 4u) {
    return low;
  }
  let high = sum_quad(sums[GROUPS - 1u], thread);
  let upper = thread > 3u;
  return select(low, high, upper) + subgroupShuffleXor(select(high, low, upper), 4u);
}

// What all threads have.
fn values_of(x: f32) -> Values {
  var values = Values();
  if (WG == 4u) {
    let two = vec2(quadBroadcast(x, 0u), quadBroadcast(x, 1u));
    values[0] = vec4(two, quadBroadcast(x, 2u), quadBroadcast(x, 3u));
    return values;
  }
  let two = vec2(subgroupShuffle(x, 0u), subgroupShuffle(x, 1u));
  values[0] = vec4(two, subgroupShuffle(x, 2u), subgroupShuffle(x, 3u));
  let six = vec2(subgroupShuffle(x, 4u), subgroupShuffle(x, 5u));
  values[GROUPS - 1u] = vec4(six, subgroupShuffle(x, 6u), subgroupShuffle(x, 7u));
  return values;
}

fn four_of(values: Values, n: u32) -> Four {
  let x = values[n % GROUPS];
  return Four(Vector(x.x), Vector(x.y), Vector(x.z), Vector(x.w));
}

fn weigh_four(rows: ptr<function, Rows>, weights: Values, other: Other, n: u32) {
  if (n < FOURS) {
    let x = other[n / GROUPS];
    (*rows)[n] = add_products(four_of(weights, n), Four(x, x, x, x), (*rows)[n]);
  }
}

// rows += weight · other, where each row's weight is with its thread.
fn add_weighted(rows: ptr<function, Rows>, weight: f32, other: Other, thread: u32) {
  let weights = values_of(weight);
  weigh_four(rows, weights, other, 0u);
  weigh_four(rows, weights, other, 1u);
  weigh_four(rows, weights, other, 2u);
  weigh_four(rows, weights, other, 3u);
  for (var n = 4u; n < FOURS; n++) {
    weigh_four(rows, weights, other, n);
  }
}

fn scale_four(rows: ptr<function, Rows>, factors: Values, n: u32) {
  if (n < FOURS) {
    (*rows)[n] = add_products(four_of(factors, n), (*rows)[n], Four());
  }
}

fn scale_rows(rows: ptr<function, Rows>, factor: f32) {
  let factors = values_of(factor);
  scale_four(rows, factors, 0u);
  scale_four(rows, factors, 1u);
  scale_four(rows, factors, 2u);
  scale_four(rows, factors, 3u);
  for (var n = 4u; n < FOURS; n++) {
    scale_four(rows, factors, n);
  }
}
