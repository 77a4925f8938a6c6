//! Paints attention heads on canvases: as a thumbnail, as a labelled heat map, and as lines between
//! two columns of tokens. `heads` computes what is painted; this module only draws.

use super::canvas::{Colours, fit, picture, zoom};
use super::heads::{Line, opacities, thumbnail};
use super::scene::Size;
use crate::state::AttentionMap;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

/// Height of a token's row in the line view, in CSS pixels.
pub const ROW: f64 = 20.0;

/// Maximum side length of a thumbnail, in pixels.
const THUMBNAIL: usize = 48;

/// Minimum height of a labelled row of the heat map, in CSS pixels.
const MIN_LABELLED: f64 = 11.0;

/// Margin for the token labels of the heat map, in CSS pixels.
const LABELS: f64 = 84.0;

/// Maximum font size of token labels, in CSS pixels.
const FONT_SIZE: f64 = 12.0;

/// Paints one head as a small square; the style sheet sets its size on screen.
pub fn paint_thumbnail(
    canvas: &HtmlCanvasElement,
    map: &AttentionMap,
    (layer, head): (usize, usize),
) {
    let t = map.tokens.len();
    let (side, pixels) = thumbnail(map.head(layer, head), t, THUMBNAIL);
    let pixels = opacities(&pixels, t);
    let Some(colours) = Colours::of(canvas) else {
        return;
    };
    canvas.set_width(side as u32);
    canvas.set_height(side as u32);
    warn_on_error(context(canvas).and_then(|context| put_image(&context, &pixels, side, &colours)));
}

/// The part of an attention map that is shown.
pub struct Shown<'a> {
    /// The map of all layers and heads.
    pub map: &'a AttentionMap,
    /// Layer and head, from 0.
    pub head: (usize, usize),
    /// Positions of the tokens that are shown.
    pub places: &'a [usize],
    /// Index into `places` of the token in focus.
    pub focus: Option<usize>,
}

impl Shown<'_> {
    /// Returns the attention among the shown tokens as `[n, n]` (query, key), each byte 255 times
    /// the square root of the probability.
    pub fn bytes(&self) -> Vec<u8> {
        let (t, head) = (
            self.map.tokens.len(),
            self.map.head(self.head.0, self.head.1),
        );
        self.places
            .iter()
            .flat_map(|&query| self.places.iter().map(move |&key| head[query * t + key]))
            .collect()
    }

    fn token(&self, index: usize) -> &str {
        &self.map.tokens[self.places[index]]
    }
}

/// Returns the row and the column of the heat map at a point in CSS pixels.
pub fn cell_at(size: Size, tokens: usize, (x, y): (f64, f64)) -> Option<(usize, usize)> {
    let (margin, cell) = map_layout(size, tokens);
    let index = |at: f64| {
        let index = ((at - margin) / cell).floor();
        (index >= 0.0 && (index as usize) < tokens).then_some(index as usize)
    };
    Some((index(y)?, index(x)?))
}

/// Returns the margin for the labels and the side of a cell, in CSS pixels.
fn map_layout(size: Size, tokens: usize) -> (f64, f64) {
    let side = size.width.min(size.height);
    let labelled = (side - LABELS) / tokens.max(1) as f64;
    if labelled >= MIN_LABELLED {
        (LABELS, labelled)
    } else {
        (0.0, side / tokens.max(1) as f64)
    }
}

/// Returns the minimum width of a heat map of `tokens` tokens that leaves room for its labels, in
/// CSS pixels. 0 for a map of more than `MAX_LABELLED` tokens: it takes the available width and is
/// labelled only if the labels fit.
pub fn min_width(tokens: usize) -> f64 {
    if tokens <= MAX_LABELLED {
        (LABELS + MIN_LABELLED * tokens as f64).ceil()
    } else {
        0.0
    }
}

/// Maximum number of tokens of a heat map that is widened to fit its labels: about 1,140 pixels,
/// the width of the page.
const MAX_LABELLED: usize = 96;

/// Paints a head as a heat map, queries as rows and keys as columns, with token labels if they fit.
pub fn paint_map(canvas: &HtmlCanvasElement, size: Size, shown: &Shown<'_>) {
    warn_on_error(begin(canvas, size).and_then(|pane| map(&pane, size, shown)));
}

/// Returns the heat map as a PNG data URL in the colours of this canvas.
pub fn png_of_map(canvas: &HtmlCanvasElement, size: Size, shown: &Shown<'_>) -> Option<String> {
    picture(canvas, size, |context, colours| {
        map(&(context, colours), size, shown)
    })
}

fn map((context, colours): &Pane, size: Size, shown: &Shown<'_>) -> Result<(), JsValue> {
    let n = shown.places.len();
    let (t, (margin, cell)) = (shown.map.tokens.len(), map_layout(size, n));
    let small: HtmlCanvasElement = document()?.create_element("canvas")?.unchecked_into();
    small.set_width(n as u32);
    small.set_height(n as u32);
    put_image(
        &self::context(&small)?,
        &opacities(&shown.bytes(), t),
        n,
        colours,
    )?;
    let side = cell * n as f64;
    context.set_image_smoothing_enabled(cell < 1.0);
    context
        .draw_image_with_html_canvas_element_and_dw_and_dh(&small, margin, margin, side, side)?;
    context.set_stroke_style_str(&colours.property("--line"));
    context.stroke_rect(margin, margin, side, side);
    if let Some(focus) = shown.focus.filter(|focus| *focus < n) {
        context.set_stroke_style_str(&colours.property("--ink"));
        context.stroke_rect(margin, margin + focus as f64 * cell, side, cell);
    }
    if margin == 0.0 {
        return Ok(());
    }
    context.set_font(&font((cell - 1.0).min(FONT_SIZE)));
    context.set_fill_style_str(&colours.property("--ink"));
    context.set_text_baseline("middle");
    for index in 0..n {
        let middle = margin + (index as f64 + 0.5) * cell;
        context.set_text_align("right");
        context.fill_text_with_max_width(shown.token(index), margin - 6.0, middle, margin - 8.0)?;
        context.save();
        context.translate(middle, margin - 6.0)?;
        context.rotate(-std::f64::consts::FRAC_PI_2)?;
        context.set_text_align("left");
        context.fill_text_with_max_width(shown.token(index), 0.0, 0.0, margin - 8.0)?;
        context.restore();
    }
    Ok(())
}

fn font(pixels: f64) -> String {
    format!("{pixels:.1}px ui-monospace, Menlo, Consolas, monospace")
}

/// Paints lines from the queries on the left to the keys on the right; `top` is the scroll offset
/// in CSS pixels.
pub fn paint_lines(
    canvas: &HtmlCanvasElement,
    size: Size,
    shown: &Shown<'_>,
    lines: &[Line],
    top: f64,
) {
    warn_on_error(begin(canvas, size).and_then(|pane| draw_lines(&pane, size, shown, lines, top)));
}

/// Returns all lines as a PNG data URL in the colours of this canvas.
pub fn png_of_lines(
    canvas: &HtmlCanvasElement,
    shown: &Shown<'_>,
    lines: &[Line],
) -> Option<String> {
    let size = Size {
        width: PICTURE_WIDTH,
        height: shown.places.len() as f64 * ROW,
    };
    picture(canvas, size, |context, colours| {
        draw_lines(&(context, colours), size, shown, lines, 0.0)
    })
}

/// Width of an exported image of lines, in CSS pixels.
const PICTURE_WIDTH: f64 = 560.0;

fn draw_lines(
    (context, colours): &Pane,
    size: Size,
    shown: &Shown<'_>,
    lines: &[Line],
    top: f64,
) -> Result<(), JsValue> {
    let column = (size.width * 0.36).min(150.0);
    let (left, right) = (column, size.width - column);
    let middle = |index: usize| (index as f64 + 0.5) * ROW - top;
    let is_visible = |y: f64| y > -ROW && y < size.height + ROW;
    context.set_stroke_style_str(&colours.property("--accent"));
    for line in lines {
        let (from, to) = (middle(line.query), middle(line.key));
        if !is_visible(from) && !is_visible(to) {
            continue;
        }
        context.set_global_alpha(line.weight.sqrt().clamp(0.06, 1.0));
        context.set_line_width(1.0 + 2.0 * line.weight);
        context.begin_path();
        context.move_to(left + 6.0, from);
        let half = (left + right) / 2.0;
        context.bezier_curve_to(half, from, half, to, right - 6.0, to);
        context.stroke();
    }
    context.set_global_alpha(1.0);
    context.set_font(&font(FONT_SIZE));
    context.set_text_baseline("middle");
    let first = (top / ROW).floor().max(0.0) as usize;
    let last = shown
        .places
        .len()
        .min(((top + size.height) / ROW).ceil() as usize);
    for index in first..last {
        let in_focus = shown.focus == Some(index);
        if in_focus {
            context.set_fill_style_str(&colours.property("--accent-soft"));
            context.fill_rect(0.0, middle(index) - ROW / 2.0, left, ROW);
        }
        context.set_fill_style_str(&colours.property(if in_focus {
            "--accent-strong"
        } else {
            "--ink"
        }));
        context.set_text_align("right");
        context.fill_text_with_max_width(shown.token(index), left, middle(index), column - 4.0)?;
        context.set_text_align("left");
        context.fill_text_with_max_width(shown.token(index), right, middle(index), column - 4.0)?;
    }
    Ok(())
}

/// A drawing context with the colours of its canvas.
type Pane = (CanvasRenderingContext2d, Colours);

/// Resizes and clears a canvas; `size` is in CSS pixels before [`zoom`].
fn begin(canvas: &HtmlCanvasElement, size: Size) -> Result<Pane, JsValue> {
    let ratio = zoom() * web_sys::window().map_or(1.0, |window| window.device_pixel_ratio());
    fit(canvas, size, ratio);
    let context = context(canvas)?;
    context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0)?;
    context.clear_rect(0.0, 0.0, size.width, size.height);
    context.set_line_width(1.0);
    Ok((
        context,
        Colours::of(canvas).ok_or("the canvas has no style")?,
    ))
}

/// Paints a square of bytes in the accent colour, with each byte as the opacity of its pixel.
fn put_image(
    context: &CanvasRenderingContext2d,
    bytes: &[u8],
    side: usize,
    colours: &Colours,
) -> Result<(), JsValue> {
    let [red, green, blue] = rgb(&colours.property("--accent")).unwrap_or([0x17, 0x60, 0x5a]);
    let pixels: Vec<u8> = bytes
        .iter()
        .flat_map(|&byte| [red, green, blue, byte])
        .collect();
    // The image is a view of `pixels`, not a copy, so it must be painted while they are alive.
    let image =
        ImageData::new_with_u8_clamped_array_and_sh(Clamped(&pixels), side as u32, side as u32)?;
    context.put_image_data(&image, 0.0, 0.0)
}

/// Parses a colour such as `#17605a`.
fn rgb(colour: &str) -> Option<[u8; 3]> {
    let digits = u32::from_str_radix(colour.strip_prefix('#')?, 16)
        .ok()
        .filter(|_| colour.len() == 7)?;
    let [_, red, green, blue] = digits.to_be_bytes();
    Some([red, green, blue])
}

fn context(canvas: &HtmlCanvasElement) -> Result<CanvasRenderingContext2d, JsValue> {
    let context = canvas.get_context("2d")?.ok_or("no drawing context")?;
    Ok(context.unchecked_into())
}

fn document() -> Result<web_sys::Document, JsValue> {
    web_sys::window()
        .and_then(|window| window.document())
        .ok_or_else(|| "no document".into())
}

fn warn_on_error(painted: Result<(), JsValue>) {
    if let Err(error) = painted {
        web_sys::console::warn_2(&"attention could not be painted".into(), &error);
    }
}
