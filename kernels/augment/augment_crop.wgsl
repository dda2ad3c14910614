// augment_crop — cut a box out of an image, resize it, mirror it, and change its colours.
//
//   r[i,j] = Σ_p Σ_q w(p; i) · w(q; j) · image[top + p, left + q] / 255 / Σ_p Σ_q w(p; i) · w(q; j)
//   y      = gray?(change_4(change_3(change_2(change_1(mirror?(r))))))
//
//   images  u32[batch, words]             RGB bytes of source × source pixels (rgb_bytes)
//   draws   Draw[batch]                   box, mirror, changes and their order
//   y       f32[batch, size, size, 3]     red, green and blue in [0, 1]
//
// w is the triangle filter of `resize`; the box ends at its edge, whatever lies beyond it.
//
// One workgroup per image, because contrast needs the mean luma of the image as it is when
// contrast has its turn: the first loop makes the changes before that and sums the luma, the
// second the rest. A thread reads back only what it wrote itself. The luma is summed by thread,
// then in a tree.
//
// A draw is read once per image, and loops that run at least once test at their end: both make it
// faster on llvmpipe, which reads lane by lane, and which runs the body of a loop that tests first
// once more with every lane masked.
//
// Source: torchvision 0.14.1 on float images: resized_crop(antialias=True), hflip, ColorJitter,
// rgb_to_grayscale.

const WG: u32 = 64; // threads per image; a power of two (workgroup_sum)
const BRIGHTNESS: u32 = 0; // numbers of the changes: torchvision's, in ColorJitter
const CONTRAST: u32 = 1;
const HUE: u32 = 3;

struct Params { batch: u32, words: u32, source: u32, size: u32 }

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> images: array<u32>;
@group(0) @binding(2) var<storage, read> draws: array<Draw>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

var<private> params: Params; // a copy: some drivers load a uniform at every use

// The changes of an image in their order, two bits each, and how much of each kind. Not arrays,
// which some drivers load lane by lane where the index is no constant.
struct Changes { order: u32, brightness: f32, contrast: f32, saturation: f32, hue: f32 }

fn resized(image: u32, down: ResizeSpan, across: ResizeSpan, row: u32, column: u32) -> vec3<f32> {
  let rows = resize_taps(down, row);
  let columns = resize_taps(across, column);
  let last = params.source - 1u;
  let last_word = params.batch * params.words - 1u;
  var sum = vec3<f32>(0.0);
  var total = 0.0;
  var p = rows.first;
  loop {
    let line = min(down.start + p, last) * params.source;
    let row_weight = resize_weight(down, rows, p);
    var q = columns.first;
    loop {
      let pixel = line + min(across.start + q, last);
      let word = image + rgb_word(pixel);
      let weight = row_weight * resize_weight(across, columns, q);
      sum += weight * rgb_bytes(pixel, images[word], images[min(word + 1u, last_word)]);
      total += weight;
      continuing {
        q++;
        break if q >= columns.end;
      }
    }
    continuing {
      p++;
      break if p >= rows.end;
    }
  }
  return sum / (255.0 * total);
}

fn change(changes: Changes, k: u32, rgb: vec3<f32>, mean: f32) -> vec3<f32> {
  let which = (changes.order >> (2u * k)) & 3u;
  if (which == HUE) {
    return select(colour_turn(rgb, changes.hue), rgb, changes.hue == 0.0); // to the last bit
  }
  let other = select(changes.saturation, changes.brightness, which == BRIGHTNESS);
  let amount = select(other, changes.contrast, which == CONTRAST);
  let gray = select(colour_gray(rgb), mean, which == CONTRAST);
  return colour_blend(rgb, select(gray, 0.0, which == BRIGHTNESS), amount);
}

fn store(pixel: u32, rgb: vec3<f32>) {
  y[3u * pixel] = rgb.r;
  y[3u * pixel + 1u] = rgb.g;
  y[3u * pixel + 2u] = rgb.b;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let b = linear_workgroup(group, groups);
  if (b >= uniforms.batch) {
    return; // uniform over the workgroup
  }
  params = uniforms;
  let size = uniforms.size;
  let side = f32(params.source);
  let down = resize_span(draws[b].top, min(draws[b].height, side), size);
  let across = resize_span(draws[b].left, min(draws[b].width, side), size);
  let mirror = draws[b].flip != 0.0;
  let gray = draws[b].grayscale != 0.0;
  var changes =
    Changes(0u, draws[b].brightness, draws[b].contrast, draws[b].saturation, draws[b].hue);
  var contrast_at = 3u;
  for (var k = 0u; k < 4u; k++) {
    let which = min(u32(draws[b].order[k]), HUE);
    changes.order |= which << (2u * k);
    contrast_at = select(contrast_at, k, which == CONTRAST);
  }

  let step_rows = WG / size;
  let step_columns = WG % size;
  var row = thread / size;
  var column = thread % size;
  var luma = 0.0;
  for (var i = thread; i < size * size; i += WG) {
    let place = select(column, size - 1u - column, mirror);
    var rgb = resized(b * params.words, down, across, row, place);
    for (var k = 0u; k < contrast_at; k++) {
      rgb = change(changes, k, rgb, 0.0);
    }
    luma += colour_gray(rgb);
    store(b * size * size + i, rgb);
    row += step_rows;
    column += step_columns;
    if (column >= size) {
      column -= size;
      row++;
    }
  }
  let mean = workgroup_sum(thread, luma) / f32(size * size);
  for (var i = thread; i < size * size; i += WG) {
    let at = b * size * size + i;
    var rgb = vec3<f32>(y[3u * at], y[3u * at + 1u], y[3u * at + 2u]);
    var k = contrast_at;
    loop {
      rgb = change(changes, k, rgb, mean);
      continuing {
        k++;
        break if k >= 4u;
      }
    }
    store(at, select(rgb, vec3<f32>(colour_gray(rgb)), gray));
  }
}
