/// A chart of bars as inline SVG, drawn by the page's colours: one series, or two beside each other.
struct BarChart {
    var title: String
    /// What stands below each group of bars.
    var labels: [String]
    /// One or two rows of values, not negative, as long as the labels.
    var series: [[Double]]
    /// What a value is shown as on its bar's tooltip.
    var shown: (Double) -> String = { Readable.count(Int64($0.rounded())) }
    /// A level to compare with, such as a lift of 1.
    var line: Double?

    private static let (width, height, foot, head) = (640.0, 170.0, 26.0, 16.0)

    private var top: Double { max(series.joined().max() ?? 0, line ?? 0) }

    var svg: String {
        guard top > 0, !labels.isEmpty else { return "" }
        let name = Markup.escaped(title)
        return
            "<figure><figcaption>\(name)</figcaption><svg viewBox=\"0 0 640 170\" role=\"img\" aria-label=\"\(name)\">"
            + axis + labels.indices.map(group).joined() + "</svg></figure>\n"
    }

    private func y(_ value: Double) -> Double {
        Self.height - Self.foot - value / top * (Self.height - Self.foot - Self.head)
    }

    private var axis: String {
        let base = Self.height - Self.foot
        var out = "<line class=\"axis\" x1=\"0\" x2=\"640\" y1=\"\(base)\" y2=\"\(base)\"/>"
        out += "<text class=\"tick\" x=\"0\" y=\"11\">\(Markup.escaped(shown(top)))</text>"
        if let line {
            let height = Readable.fixed(y(line), 1)
            out += "<line class=\"level\" x1=\"0\" x2=\"640\" y1=\"\(height)\" y2=\"\(height)\"/>"
        }
        return out
    }

    private func group(_ index: Int) -> String {
        let step = Self.width / Double(labels.count)
        let width = step * 0.8 / Double(series.count)
        var out = ""
        for (number, values) in series.enumerated() {
            let x = Double(index) * step + step * 0.1 + Double(number) * width
            let y = y(values[index])
            out +=
                "<rect class=\"s\(number)\" x=\"\(Readable.fixed(x, 1))\" y=\"\(Readable.fixed(y, 1))\" "
                + "width=\"\(Readable.fixed(max(width - 1, 0.5), 1))\" "
                + "height=\"\(Readable.fixed(Self.height - Self.foot - y, 1))\">"
                + "<title>\(Markup.escaped("\(labels[index]): \(shown(values[index]))"))</title></rect>"
        }
        let every = max(1, (labels.count + 11) / 12)
        guard index % every == 0 else { return out }
        let middle = Readable.fixed((Double(index) + 0.5) * step, 1)
        return out + "<text class=\"label\" x=\"\(middle)\" y=\"160\">\(Markup.escaped(labels[index]))</text>"
    }
}

/// Text of a page.
enum Markup {
    static func escaped(_ text: String) -> String {
        var out = ""
        for character in Terminal.harmless(text) {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return out
    }

    /// - Parameter rows: the first is the head; the first cell of each is a name, the others are figures.
    static func table(_ rows: [[String]]) -> String {
        guard let head = rows.first else { return "" }
        let columns = head.map { "<th>\(escaped($0))</th>" }.joined()
        let body = rows.dropFirst().map { row in
            "<tr>" + row.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>\n"
        }
        return
            "<div class=\"wide\"><table><thead><tr>\(columns)</tr></thead><tbody>\n\(body.joined())</tbody></table></div>\n"
    }
}
