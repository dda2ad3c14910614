// augment_blur — a Gaussian blur, along the rows and then along the columns, and normalisation.
//
//   half[i,j] = Σ_k g(k) · y[i, reflect(j + k)] / Σ_k g(k)      g(k) = exp(−k² / 2σ²), |k| ≤ radius
//   y[i,j]    = (Σ_k g(k) · half[reflect(i + k), j] / Σ_k g(k) − mean) / std
//
//   draws  Draw[batch]                    σ, as a share of the side
//   y      f32[batch, size, size, 3]      red, green, blue; updated
//   half   vec4<f32>[batch, size, size]   for its own use: what is blurred along the rows, and 0
//
// Reflected about the outermost pixels, which are not repeated; so radius < size. One workgroup
// per image, so that a barrier of its own stands between the two directions; threads stride over
// the pixels by WG.
//
// The weights follow from each other, g(k+1) = g(k) · f(k) with f(k+1) = f(k) · g(1)², so there is
// one exponential per thread. A relative error ε of g(1) becomes k² · ε of g(k), so at most 2σ²/e
// · ε of the middle weight. A σ under 0.001 pixels counts as that much and blurs nothing.
//
// Source: torchvision 0.14.1, gaussian_blur (padding "reflect") and normalize.

const WG: u32 = 64; // threads per image
const LEAST_VARIANCE: f32 = 1e-6;

struct Params {
  batch: u32,
  size: u32,
  radius: u32,
  mean_r: f32,
  mean_g: f32,
  mean_b: f32,
  std_r: f32,
  std_g: f32,
  std_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> draws: array<Draw>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> half: array<vec4<f32>>;

fn rgb(pixel: u32) -> vec3<f32> {
  return vec3<f32>(y[3u * pixel], y[3u * pixel + 1u], y[3u * pixel + 2u]);
}

// Where the taps of a pixel lie that are k before and k after it: `at` is its place in the line.
struct Taps { before: u32, after: u32 }

fn taps(at: u32, k: u32) -> Taps {
  return Taps(u32(abs(i32(at) - i32(k))), min(at + k, 2u * (params.size - 1u) - at - k));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let b = linear_workgroup(group, groups);
  if (b >= params.batch) {
    return; // uniform over the workgroup
  }
  let size = params.size;
  let image = b * size * size;
  let sigma = draws[b].sigma * f32(size);
  let g1 = exp(-0.5 / max(sigma * sigma, LEAST_VARIANCE));
  let step_rows = WG / size;
  let step_columns = WG % size;
  var row = thread / size;
  var column = thread % size;
  for (var p = thread; p < size * size; p += WG) {
    let line = image + p - column;
    var sum = rgb(image + p);
    var total = 1.0;
    var weight = 1.0;
    var factor = g1;
    var k = 1u;
    loop {
      weight *= factor;
      factor *= g1 * g1;
      let at = taps(column, k);
      sum += weight * (rgb(line + at.before) + rgb(line + at.after));
      total += 2.0 * weight;
      continuing {
        k++;
        break if k > params.radius;
      }
    }
    half[image + p] = vec4<f32>(sum / total, 0.0);
    column += step_columns;
    if (column >= size) {
      column -= size;
    }
  }
  storageBarrier();
  let mean = vec3<f32>(params.mean_r, params.mean_g, params.mean_b);
  let deviation = vec3<f32>(params.std_r, params.std_g, params.std_b);
  column = thread % size;
  for (var p = thread; p < size * size; p += WG) {
    let line = image + column;
    var sum = half[image + p].rgb;
    var total = 1.0;
    var weight = 1.0;
    var factor = g1;
    var k = 1u;
    loop {
      weight *= factor;
      factor *= g1 * g1;
      let at = taps(row, k);
      sum += weight * (half[line + at.before * size].rgb + half[line + at.after * size].rgb);
      total += 2.0 * weight;
      continuing {
        k++;
        break if k > params.radius;
      }
    }
    let normal = (sum / total - mean) / deviation;
    y[3u * (image + p)] = normal.r;
    y[3u * (image + p) + 1u] = normal.g;
    y[3u * (image + p) + 2u] = normal.b;
    row += step_rows;
    column += step_columns;
    if (column >= size) {
      column -= size;
      row++;
    }
  }
}
