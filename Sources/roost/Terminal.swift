import Glibc

/// What a person looks at: whether one does, and how to write for them.
enum Terminal {
    static var outputIsTerminal: Bool { isatty(1) == 1 }
    static var errorIsTerminal: Bool { isatty(2) == 1 }

    /// Writes to standard error. There is nowhere to report a failure to, so it is dropped.
    static func complain(_ text: String) {
        do throws(SystemFailure) {
            try File(borrowing: 2).write(text)
        } catch {
            errno = 0
        }
    }

    /// Columns of the terminal behind a descriptor, 80 where it does not say.
    static func width(of descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    enum Style: String {
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case cyan = "36"
    }

    static func styled(_ text: String, _ style: Style, when coloured: Bool) -> String {
        coloured ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// What strangers wrote, without the control characters that would move the cursor.
    static func harmless(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { ($0.value < 0x20 || (0x7F..<0xA0).contains($0.value)) ? "�" : $0 }))
    }
}

/// Numbers and lengths of time for a person.
enum Readable {
    /// `25,597,319`
    static func count(_ number: Int64) -> String {
        var digits = Array(String(number.magnitude))
        var index = digits.count - 3
        while index > 0 {
            digits.insert(",", at: index)
            index -= 3
        }
        return (number < 0 ? "-" : "") + String(digits)
    }

    /// `1.2 GB`, decimal units.
    static func bytes(_ number: Int64) -> String {
        var value = Double(number)
        for unit in ["B", "kB", "MB", "GB"] {
            if abs(value) < 1000 { return unit == "B" ? "\(number) B" : "\(fixed(value, 1)) \(unit)" }
            value /= 1000
        }
        return "\(fixed(value, 1)) TB"
    }

    /// `3d 04h`, `2h 05m`, `4m 10s`, `12s`.
    static func seconds(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e9))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if whole >= 86_400 { return "\(whole / 86_400)d \(two(whole / 3600 % 24))h" }
        if whole >= 3600 { return "\(whole / 3600)h \(two(whole / 60 % 60))m" }
        if whole >= 60 { return "\(whole / 60)m \(two(whole % 60))s" }
        return "\(whole)s"
    }

    static func fixed(_ value: Double, _ decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        let scaled = Int64((abs(value) * scale).rounded())
        let whole = scaled / Int64(scale)
        let rest = String(scaled % Int64(scale))
        let sign = value < 0 && scaled > 0 ? "-" : ""
        if decimals == 0 { return "\(sign)\(whole)" }
        return "\(sign)\(whole).\(String(repeating: "0", count: decimals - rest.count))\(rest)"
    }

    static func percent(_ share: Double, decimals: Int = 1) -> String { fixed(share * 100, decimals) + " %" }
}
