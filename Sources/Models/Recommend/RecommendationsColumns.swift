/// What recommendations are fitted on. The arrays belong to the caller and are only read; they must outlive the
/// call. Users, items and categories may come in any order.
package struct RecommendationsColumns {
    /// A list of distinct strings: the bytes of all, and where each begins; shape of `offsets` [n + 1].
    package struct Names {
        package var text: UnsafeBufferPointer<UInt8>
        package var offsets: UnsafeBufferPointer<UInt32>

        package var count: Int { max(0, offsets.count - 1) }

        subscript(_ number: Int) -> Slice<UnsafeBufferPointer<UInt8>> {
            text[Int(offsets[number])..<Int(offsets[number + 1])]
        }
    }

    package var items: Names
    package var categories: Names

    /// A stable hash of each user's id; shape [users].
    package var hashes: UnsafeBufferPointer<UInt64>
    /// Segment + 1, 0 where there is none; shape [users].
    package var segments: UnsafeBufferPointer<UInt8>
    /// Number of the grade, 0 where there is none; shape [users].
    package var grades: UnsafeBufferPointer<UInt8>

    /// Where each user's items begin in the next two; shape [users + 1].
    package var historyOffsets: UnsafeBufferPointer<UInt32>
    package var historyItems: UnsafeBufferPointer<UInt32>
    /// Purchases of the item.
    package var historyCounts: UnsafeBufferPointer<UInt32>

    /// Lines of purchases, a user's ones of one day being a basket; shape [lines] each.
    package var lineUsers: UnsafeBufferPointer<UInt32>
    package var lineDays: UnsafeBufferPointer<Int32>
    package var lineItems: UnsafeBufferPointer<UInt32>

    /// Where each user's amounts begin in the next two; shape [users + 1].
    package var amountOffsets: UnsafeBufferPointer<UInt32>
    package var amountCategories: UnsafeBufferPointer<UInt32>
    /// Money.
    package var amounts: UnsafeBufferPointer<Double>

    package var asOfDay: Int32
    /// Of the segments by their number; empty where there is none.
    package var segmentNames: [String]

    package var users: Int { hashes.count }

    func check() throws(FitRefusal) {
        guard segments.count == users, grades.count == users,
            Self.ascend(items.offsets, to: items.text.count),
            Self.ascend(categories.offsets, to: categories.text.count),
            historyOffsets.count == users + 1, Self.ascend(historyOffsets, to: historyItems.count),
            historyCounts.count == historyItems.count, amountOffsets.count == users + 1,
            Self.ascend(amountOffsets, to: amounts.count), amountCategories.count == amounts.count,
            lineDays.count == lineUsers.count, lineItems.count == lineUsers.count
        else { throw .unevenColumns }
        guard historyItems.allSatisfy({ Int($0) < items.count }),
            lineItems.allSatisfy({ Int($0) < items.count }), lineUsers.allSatisfy({ Int($0) < users }),
            amountCategories.allSatisfy({ Int($0) < categories.count }),
            segments.allSatisfy({ Int($0) <= segmentNames.count }),
            grades.allSatisfy({ Int($0) <= GradeRule.names.count }),
            lineDays.allSatisfy({ abs(Int64($0)) < 1 << 30 }), abs(Int64(asOfDay)) < 1 << 30
        else { throw .unevenColumns }
        if let row = amounts.firstIndex(where: { !$0.isFinite || abs($0) > 1e18 }) {
            throw .notFinite(column: "amount", row: row)
        }
    }

    private static func ascend(_ offsets: UnsafeBufferPointer<UInt32>, to end: Int) -> Bool {
        guard let first = offsets.first, first == 0, Int(offsets[offsets.count - 1]) == end else {
            return false
        }
        return zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 }
    }
}

/// How recommendations are made.
package struct RecommendationsConfig: Sendable, Equatable {
    package var implicit = ImplicitFactorsConfig()
    package var amounts = AmountFactorsConfig()
    /// Share of empty cells above which alternating least squares are not tried.
    package var sparsest = 0.995
    /// Rules hold for at least this share of the baskets, and for so many.
    package var minimumSupport = 0.005
    package var minimumBaskets = 10
    package var minimumConfidence = 0.05
    /// Items a user must have bought to count as known.
    package var minimumHistory = 5
    /// Days of the recent popularity.
    package var recentDays = 30
    /// Fewest users with items for a fit.
    package var minimumUsers = 50
    /// The most bought so many are looked at.
    package var mostItems = 10_000

    package init() {}

    func write(to writer: inout ByteWriter) {
        for size in [
            implicit.factors, implicit.iterations, Int(implicit.solver.rawValue), amounts.factors,
            amounts.epochs, minimumBaskets, minimumHistory, recentDays, minimumUsers, mostItems,
        ] {
            writer.put(UInt64(max(0, size)))
        }
        for number in [
            implicit.regularization, implicit.alpha, amounts.regularization, amounts.learningRate, sparsest,
            minimumSupport, minimumConfidence,
        ] {
            writer.put(number)
        }
    }

    /// Numbers that mean nothing, or more work than a fit can do, are refused.
    init(from reader: inout ByteReader) throws(CodingFailure) {
        func size(_ range: ClosedRange<Int>) throws(CodingFailure) -> Int {
            let at = reader.position
            let value = try reader.size()
            guard range.contains(value) else { throw .badValue(at: at) }
            return value
        }
        func number(_ range: ClosedRange<Double>) throws(CodingFailure) -> Double {
            let at = reader.position
            let value = try reader.double()
            guard range.contains(value) else { throw .badValue(at: at) }
            return value
        }
        implicit.factors = try size(1...RecommendationsConfig.mostFactors)
        implicit.iterations = try size(1...1000)
        implicit.solver = try size(0...1) == 1 ? .exact : .conjugateGradient
        amounts.factors = try size(1...64)
        amounts.epochs = try size(1...1000)
        minimumBaskets = try size(1...Int(Int32.max))
        minimumHistory = try size(1...Int(Int32.max))
        recentDays = try size(1...36_600)
        minimumUsers = try size(1...Int(Int32.max))
        mostItems = try size(2...1_000_000)
        implicit.regularization = try number(1e-9...1e9)
        implicit.alpha = try number(1e-6...1e6)
        amounts.regularization = try number(0...1e3)
        amounts.learningRate = try number(1e-9...1)
        sparsest = try number(0...1)
        minimumSupport = try number(0...1)
        minimumConfidence = try number(0...1)
    }

    static let mostFactors = 256
}
