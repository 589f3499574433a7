import Glibc

/// What is done to features before users are compared by them.
package enum SegmentTransform: UInt8, Sendable, CaseIterable {
    /// As they are: a feature weighs by its units.
    case raw = 0
    /// Less the mean, by the population deviation.
    case standard = 1
    /// ln(1 + x), for what is spread over powers of ten.
    case log = 2
    /// The logarithm, then standardised.
    case logStandard = 3

    /// Name in the configuration.
    package var text: String {
        switch self {
        case .raw: "raw"
        case .standard: "standard"
        case .log: "log"
        case .logStandard: "log-standard"
        }
    }

    /// Nil where no transform has this name.
    package init?(_ text: String) {
        guard let transform = SegmentTransform.allCases.first(where: { $0.text == text }) else { return nil }
        self = transform
    }

    var takesLogarithm: Bool { self == .log || self == .logStandard }
    var standardises: Bool { self == .standard || self == .logStandard }

    /// ln(1 + x), continued oddly below 0, so that any finite number has one.
    @inline(__always)
    static func logarithm(_ value: Double) -> Double { value < 0 ? -log1p(-value) : log1p(value) }
}

extension SegmentsModel {
    /// A value of a feature in the units in which users are compared.
    package func transformed(_ value: Double, feature: Int) -> Double {
        let x = transform.takesLogarithm ? SegmentTransform.logarithm(value) : value
        return scale[feature] == 0 ? 0 : (x - mean[feature]) / scale[feature]
    }
}

extension DistinctRows {
    /// Takes the logarithm of every value where the transform does; the order of rows stays.
    mutating func apply(_ transform: SegmentTransform) {
        guard transform.takesLogarithm else { return }
        mapValues(SegmentTransform.logarithm)
    }
}

extension Standardisation {
    /// Compares values as they are.
    static func none(features: Int) -> Standardisation {
        Standardisation(
            mean: [Double](repeating: 0, count: features), scale: [Double](repeating: 1, count: features))
    }

    /// Mean square of the deviations, the mean over the features: 1 for what is standardised and not constant.
    var meanVariance: Double { scale.reduce(0) { $0 + $1 * $1 } / Double(max(1, scale.count)) }
}
