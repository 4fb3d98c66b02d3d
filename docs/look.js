// What a reader cannot read or use on a page: text without contrast (WCAG AA), what scrolls sideways,
// controls without a name, formulas that are not set. What matches `mayScroll` may scroll sideways.
(mayScroll) => {
    const found = new Set();
    const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const parse = (color) => { // whatever its notation
        brush.clearRect(0, 0, 1, 1);
        brush.fillStyle = color;
        brush.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
        return { color: [r, g, b], a: a / 255 };
    };
    const blend = ({ color, a }, below) => color.map((c, i) => a * c + (1 - a) * below[i]);
    const ground = (element) => {
        if (!element) {
            return [255, 255, 255];
        }
        const own = parse(getComputedStyle(element).backgroundColor);
        return own.a === 1 ? own.color : blend(own, ground(element.parentElement));
    };
    // A text in SVG stands on the shapes that were drawn before it, or has a rim of its own.
    const groundWithin = (text) => {
        const { paintOrder, stroke, strokeWidth } = getComputedStyle(text);
        if (paintOrder.startsWith("stroke") && parseFloat(strokeWidth) >= 3) {
            return parse(stroke).color;
        }
        const svg = text.ownerSVGElement;
        const box = text.getBoundingClientRect();
        const middle = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2);
        let color = ground(svg);
        for (const shape of svg.querySelectorAll("rect, circle, ellipse, path")) {
            const { fill, fillOpacity } = getComputedStyle(shape);
            const isBefore = shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
            if (isBefore && fill !== "none" && shape.checkVisibility()
                && shape.isPointInFill(middle.matrixTransform(shape.getScreenCTM().inverse()))) {
                const own = parse(fill);
                color = blend({ color: own.color, a: own.a * fillOpacity * opacityOf(shape) }, color);
            }
        }
        return color;
    };
    const opacityOf = (element) => (element ? getComputedStyle(element).opacity * opacityOf(element.parentElement) : 1);
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const luminance = (color) => {
        const [r, g, b] = color.map((c) => linear(c / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    for (const element of document.querySelectorAll("*")) {
        if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) {
            continue;
        }
        const style = getComputedStyle(element);
        const what = `${element.localName}.${element.getAttribute("class") ?? ""}`;
        const wide = element.scrollWidth - element.clientWidth;
        if (wide > 1 && /auto|scroll/.test(style.overflowX) && !element.matches(mayScroll)) {
            found.add(`${what} scrolls sideways, by ${wide} pixels`);
        }
        if (element.matches("a, button, input, select, textarea, iframe, canvas[role], [tabindex]")) {
            const inside = element.textContent.trim() || element.querySelector("img")?.alt;
            const label = element.ariaLabel || element.title || element.placeholder;
            if (!(inside || label || element.labels?.length)) {
                found.add(`${what} has no name`);
            }
        }
        const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
        if (!own.length || element.closest("[aria-disabled=true], :disabled")) { // those may be pale
            continue;
        }
        const text = own[0].data.trim().slice(0, 30);
        if (!element.closest("pre, code") && text.includes("\\")) {
            found.add(`not set: ${text}`);
        }
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (style.fontWeight >= 600 && size >= 18.66);
        const isDrawn = element instanceof SVGElement;
        const below = isDrawn ? groundWithin(element) : ground(element);
        const ink = parse(isDrawn ? style.fill : style.color);
        const both = [blend({ color: ink.color, a: ink.a * opacityOf(element) }, below), below].map(luminance);
        const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
        if (ratio < (isLarge ? 3 : 4.5)) {
            found.add(`contrast ${ratio.toFixed(2)} of ${what}: ${text}`);
        }
    }
    return [...found];
}
