/// Lengths of time as the configuration and control lines write them: a whole number and a unit.
package enum DurationText {
    private static let units: [(text: String, microseconds: Int64)] = [
        ("d", Microseconds.day), ("h", Microseconds.hour), ("m", Microseconds.minute),
        ("s", Microseconds.second), ("ms", 1000), ("us", 1),
    ]

    /// Microseconds of `500ms`, `30m`, `24h`, `25d`; nil where it is not of that form.
    package static func parse(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let number = Int64(digits), let size = units.first(where: { $0.text == unit })?.microseconds
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: size)
        return overflow ? nil : product
    }

    /// The form with the largest unit that divides it.
    package static func text(_ microseconds: Int64) -> String {
        if microseconds == 0 { return "0s" }
        for unit in units where microseconds % unit.microseconds == 0 {
            return "\(microseconds / unit.microseconds)\(unit.text)"
        }
        return "\(microseconds)us"
    }
}
