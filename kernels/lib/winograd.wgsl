// winograd — F(4, 3): four neighbouring sums of three terms by six products, along one line.
//
//   y = Aᵀ [(G g) ⊙ (Bᵀ d)]        y[i] = Σ_v d[i + v] · g[v],   i < 4, v < 3
//
//   G g   the polynomial g[0] + g[1] p + g[2] p² at the points p, over the product of p's distances
//         to the other points
//   Bᵀ d  d by the polynomial that is zero at the other points
//   Aᵀ m  the six products by powers of the points
//
// The points are 0, ±NEAR, ±FAR and infinity; they and their squares are exact in f32, and so are
// the elements of Aᵀ and Bᵀ. With standard normals and transforms both ways, of what the products
// at the points are rounded to a result has √(Σ A² |G|² |B|² / 3)² times the share that it has of
// what its own nine products are rounded to: 5.1 on average over a tile, 8.8 in its worst corner.
// By the paper's points, 0, ±1 and ±2, it has 10.8 and 31.
//
// Source: Lavin & Gray 2016, arXiv:1509.09308, §4; Barabasz et al. 2018, arXiv:1803.10986, for what
// points do to the error.

const NEAR: f32 = 0.75;
const FAR: f32 = 1.5;
const NEAR_2: f32 = NEAR * NEAR;
const FAR_2: f32 = FAR * FAR;
const BOTH_2: f32 = NEAR_2 * FAR_2;

const EDGE: u32 = 6u; // points, and pixels that a tile reads along a line
const TILE: u32 = 4u; // pixels that it makes

alias Line = array<f32, EDGE>;

// Bᵀ d
fn line_of_pixels(d: Line) -> Line {
  let near_even = d[4] - FAR_2 * d[2];
  let near_odd = NEAR * (d[3] - FAR_2 * d[1]);
  let far_even = d[4] - NEAR_2 * d[2];
  let far_odd = FAR * (d[3] - NEAR_2 * d[1]);
  return Line(
    BOTH_2 * d[0] - (NEAR_2 + FAR_2) * d[2] + d[4],
    near_even + near_odd, near_even - near_odd,
    far_even + far_odd, far_even - far_odd,
    BOTH_2 * d[1] - (NEAR_2 + FAR_2) * d[3] + d[5],
  );
}

// G g
fn line_of_taps(g: vec3<f32>) -> Line {
  const ZERO_SHARE = 1.0 / BOTH_2;
  const NEAR_SHARE = 1.0 / (2.0 * NEAR_2 * (NEAR_2 - FAR_2));
  const FAR_SHARE = 1.0 / (2.0 * FAR_2 * (FAR_2 - NEAR_2));
  let near_even = g[0] + NEAR_2 * g[2];
  let near_odd = NEAR * g[1];
  let far_even = g[0] + FAR_2 * g[2];
  let far_odd = FAR * g[1];
  return Line(
    g[0] * ZERO_SHARE,
    (near_even + near_odd) * NEAR_SHARE, (near_even - near_odd) * NEAR_SHARE,
    (far_even + far_odd) * FAR_SHARE, (far_even - far_odd) * FAR_SHARE,
    g[2],
  );
}

// Aᵀ m
fn line_of_sums(m: Line) -> vec4<f32> {
  let near_sum = m[1] + m[2];
  let near_difference = NEAR * (m[1] - m[2]);
  let far_sum = m[3] + m[4];
  let far_difference = FAR * (m[3] - m[4]);
  return vec4(
    m[0] + near_sum + far_sum,
    near_difference + far_difference,
    NEAR_2 * near_sum + FAR_2 * far_sum,
    NEAR_2 * near_difference + FAR_2 * far_difference + m[5],
  );
}
