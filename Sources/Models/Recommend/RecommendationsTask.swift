/// A fit of recommendations as the child is asked for it.
struct RecommendationsTask: FitTask {
    static let kind = "recommendations"

    private let columns: RecommendationsColumns
    private let config: RecommendationsConfig
    private let seed: UInt64

    init(from reader: inout ByteReader) throws(CodingFailure) {
        config = try RecommendationsConfig(from: &reader)
        seed = try reader.uint64()
        let asOfDay = try reader.integer(Int32.self)
        let names = try reader.strings()
        var sizes: [Int] = []
        for _ in 0..<8 { sizes.append(try reader.size()) }
        try reader.align()
        let (itemBytes, items, categoryBytes, categories) = (sizes[0], sizes[1], sizes[2], sizes[3])
        let (users, history, lines, amounts) = (sizes[4], sizes[5], sizes[6], sizes[7])
        columns = RecommendationsColumns(
            items: .init(
                text: try reader.column(UInt8.self, count: itemBytes),
                offsets: try reader.column(UInt32.self, count: items + 1)),
            categories: .init(
                text: try reader.column(UInt8.self, count: categoryBytes),
                offsets: try reader.column(UInt32.self, count: categories + 1)),
            hashes: try reader.column(UInt64.self, count: users),
            segments: try reader.column(UInt8.self, count: users),
            grades: try reader.column(UInt8.self, count: users),
            historyOffsets: try reader.column(UInt32.self, count: users + 1),
            historyItems: try reader.column(UInt32.self, count: history),
            historyCounts: try reader.column(UInt32.self, count: history),
            lineUsers: try reader.column(UInt32.self, count: lines),
            lineDays: try reader.column(Int32.self, count: lines),
            lineItems: try reader.column(UInt32.self, count: lines),
            amountOffsets: try reader.column(UInt32.self, count: users + 1),
            amountCategories: try reader.column(UInt32.self, count: amounts),
            amounts: try reader.column(Double.self, count: amounts), asOfDay: asOfDay,
            segmentNames: names)
    }

    func candidate() throws(FitRefusal) -> FitResult.Candidate {
        try RecommendationsModel.fit(columns, config: config, seed: seed).candidate
    }
}

/// The columns of `RecommendationsColumns`, owning their storage.
package struct RecommendationsInput: Sendable, Equatable {
    /// A list of distinct strings.
    package struct Names: Sendable, Equatable {
        package var text: [UInt8] = []
        package var offsets: [UInt32] = [0]
        package init() {}

        package mutating func append(_ name: some Sequence<UInt8>) {
            text.append(contentsOf: name)
            offsets.append(UInt32(text.count))
        }

        package var count: Int { offsets.count - 1 }
    }

    package var items = Names()
    package var categories = Names()
    /// Category of each item, `UInt32.max` where it has none; asked for by analyses, not by the fit.
    package var itemCategories: [UInt32] = []
    package var hashes: [UInt64] = []
    package var segments: [UInt8] = []
    package var grades: [UInt8] = []
    package var historyOffsets: [UInt32] = [0]
    package var historyItems: [UInt32] = []
    package var historyCounts: [UInt32] = []
    package var lineUsers: [UInt32] = []
    package var lineDays: [Int32] = []
    package var lineItems: [UInt32] = []
    package var amountOffsets: [UInt32] = [0]
    package var amountCategories: [UInt32] = []
    package var amounts: [Double] = []
    package var asOfDay: Int32 = 0
    package var segmentNames: [String] = []

    package init() {}

    /// Users.
    package var count: Int { hashes.count }
}

extension FitRequest {
    /// Asks for recommendations.
    package static func recommendations(
        _ input: RecommendationsInput, config: RecommendationsConfig, seed: UInt64
    ) -> FitRequest {
        var request = FitRequest(RecommendationsTask.kind)
        request.write { writer in
            config.write(to: &writer)
            writer.put(seed)
            writer.put(input.asOfDay)
            writer.put(input.segmentNames)
            for size in [
                input.items.text.count, input.items.count, input.categories.text.count,
                input.categories.count, input.hashes.count, input.historyItems.count, input.lineUsers.count,
                input.amounts.count,
            ] {
                writer.put(UInt64(size))
            }
        }
        request.add(.bytes(input.items.text))
        request.add(.uint32s(input.items.offsets))
        request.add(.bytes(input.categories.text))
        request.add(.uint32s(input.categories.offsets))
        request.add(.int64s(input.hashes.map { Int64(bitPattern: $0) }))
        request.add(.bytes(input.segments))
        request.add(.bytes(input.grades))
        request.add(.uint32s(input.historyOffsets))
        request.add(.uint32s(input.historyItems))
        request.add(.uint32s(input.historyCounts))
        request.add(.uint32s(input.lineUsers))
        request.add(.int32s(input.lineDays))
        request.add(.uint32s(input.lineItems))
        request.add(.uint32s(input.amountOffsets))
        request.add(.uint32s(input.amountCategories))
        request.add(.doubles(input.amounts))
        return request
    }
}
