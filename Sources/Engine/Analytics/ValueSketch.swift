import Core

/// The values of purchases: exact count, sum, sum of squares and range, and a histogram by logarithm from which
/// quantiles follow. Two sketches added up are the sketch of all values.
package struct ValueSketch: Sendable, Equatable {
    /// Buckets to an octave are 2 to this power.
    private static let precision: UInt64 = 7
    /// A quantile is off by no more than this share of itself: half a bucket.
    package static let relativeError = 1.0 / Double(1 << (precision + 1))

    package private(set) var count: Int64 = 0
    /// Millionths; sums and squares stop at the most that fits.
    package private(set) var sum: Int128 = 0
    package private(set) var squares: Int128 = 0
    package private(set) var least = Int64.max
    package private(set) var greatest = Int64.min
    /// Values of 0 and less.
    package private(set) var nothing: Int64 = 0
    private var firstBucket = 0
    private var buckets: [Int64] = []

    package init() {}

    package var byteCount: Int { buckets.capacity * 8 + 96 }

    package mutating func add(_ value: Int64) {
        count += 1
        sum += Int128(value)
        squares = Self.saturated(squares.addingReportingOverflow(Int128(value) * Int128(value)))
        least = min(least, value)
        greatest = max(greatest, value)
        if value <= 0 { nothing += 1 } else { addBucket(Self.bucket(of: value), 1) }
    }

    package mutating func add(_ other: ValueSketch) {
        count += other.count
        sum += other.sum
        squares = Self.saturated(squares.addingReportingOverflow(other.squares))
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
        nothing += other.nothing
        for (place, more) in other.buckets.enumerated() where more > 0 {
            addBucket(other.firstBucket + place, more)
        }
    }

    private static func saturated(_ sum: (partialValue: Int128, overflow: Bool)) -> Int128 {
        sum.overflow ? .max : sum.partialValue
    }

    private mutating func addBucket(_ bucket: Int, _ more: Int64) {
        if buckets.isEmpty {
            firstBucket = bucket
            buckets = [more]
            return
        }
        if bucket < firstBucket {
            buckets.insert(contentsOf: repeatElement(0, count: firstBucket - bucket), at: 0)
            firstBucket = bucket
        }
        while bucket - firstBucket >= buckets.count { buckets.append(0) }
        buckets[bucket - firstBucket] += more
    }

    /// Octave and the first bits behind the leading one of a value > 0.
    private static func bucket(of value: Int64) -> Int {
        Int((Double(value).bitPattern >> (52 - precision)) - (1023 << precision))
    }

    /// Millionths at which a bucket begins.
    private static func start(of bucket: Int) -> Double {
        Double(bitPattern: (UInt64(bucket) + (1023 << precision)) << (52 - precision))
    }

    // MARK: What follows

    /// Money; nil without a value.
    package var mean: Double? { count == 0 ? nil : Double(sum) / 1e6 / Double(count) }

    /// Sample deviation (n − 1), money; nil below two values. Exact sums, taken about a whole number near the mean.
    package var deviation: Double? {
        guard count > 1 else { return nil }
        let middle = sum / Int128(count)
        let rest = sum - middle * Int128(count)
        let (once, _) = middle.multipliedReportingOverflow(by: 2 * sum)
        let (twice, _) = middle.multipliedReportingOverflow(by: middle * Int128(count))
        let about = Double(squares &- once &+ twice)
        let variance = (about - Double(rest) * Double(rest) / Double(count)) / Double(count - 1)
        return max(0, variance).squareRoot() / 1e6
    }

    /// The smallest value of which this share is not greater, money; right to `relativeError`; nil without a value.
    package func quantile(_ share: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = max(1, Int64((share * Double(count)).rounded(.up)))
        var seen = nothing
        if rank <= seen { return Double(min(0, least)) / 1e6 }
        for (place, number) in buckets.enumerated() {
            seen += number
            guard rank <= seen else { continue }
            let start = Self.start(of: firstBucket + place)
            let middle = (start + Self.start(of: firstBucket + place + 1)) / 2
            return min(max(middle, Double(least)), Double(greatest)) / 1e6
        }
        return Double(greatest) / 1e6
    }

    /// Values by quarter octaves, money; those of 0 and less are not in it.
    package var histogram: [(from: Double, to: Double, count: Int64)] {
        let width = 1 << (Int(Self.precision) - 2)
        var bars: [(from: Double, to: Double, count: Int64)] = []
        var bar = firstBucket / width
        while bar * width < firstBucket + buckets.count {
            var number: Int64 = 0
            for bucket in bar * width..<(bar + 1) * width
            where bucket >= firstBucket && bucket < firstBucket + buckets.count {
                number += buckets[bucket - firstBucket]
            }
            let (from, to) = (Self.start(of: bar * width), Self.start(of: (bar + 1) * width))
            bars.append((from / 1e6, to / 1e6, number))
            bar += 1
        }
        return bars
    }

    // MARK: Saved

    func write(to out: inout ByteWriter) {
        for value in [count, least, greatest, nothing] { out.put(value) }
        out.put(sum)
        out.put(squares)
        out.put(Int64(firstBucket))
        out.put(UInt64(buckets.count))
        for bucket in buckets { out.put(bucket) }
    }

    init(from input: inout ByteReader) throws(StateError) {
        count = try input.get()
        least = try input.get()
        greatest = try input.get()
        nothing = try input.get()
        sum = try input.get()
        squares = try input.get()
        firstBucket = Int(try input.get(Int64.self))
        let total = try input.count(of: 8)
        guard firstBucket >= 0, firstBucket + total <= 64 << Int(Self.precision) else {
            throw StateError("values of analytics: \(total) buckets from \(firstBucket)")
        }
        for _ in 0..<total { buckets.append(try input.get()) }
    }
}
