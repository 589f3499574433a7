import Core
import Models

/// The recommendations in use in a partition, if any.
struct RecommendationState {
    private var slot = ModelSlot<RecommendationsModel>()
    /// Of each item of the model, false where it must not be told of.
    private(set) var isAllowed: [Bool] = []
    /// What is told to who bought nothing, by segment: the same for all of them.
    private var forNewcomers: [UInt8: [Trigger.Item]] = [:]

    init() {}

    var model: RecommendationsModel? { slot.model }
    /// Asked at every trigger.
    @inline(__always)
    var isFitted: Bool { slot.isFitted }
    var label: String { slot.label }

    /// Takes a model into use; `other` is another partition's, whose memory is shared where it is the same one.
    mutating func adopt(
        _ bytes: [UInt8], version: Int, _ items: ItemSettings, like other: RecommendationState?
    ) throws(StateError) {
        try slot.adopt(bytes, version: version, decoded: other?.slot.model(of: bytes))
        exclude(items)
    }

    mutating func share(with other: RecommendationState) { slot.share(with: other.slot) }

    /// Takes another list of what must not be told of.
    mutating func exclude(_ settings: ItemSettings) {
        forNewcomers = [:]
        guard let items = slot.model?.items else { return isAllowed = [] }
        isAllowed = (0..<items.count).map { !settings.excludes(items[$0]) }
    }

    /// The items for a user, the best first.
    ///
    /// - Parameter segment: number + 1, 0 where there is none.
    mutating func recommend(_ bought: [Recommender.Bought], segment: UInt8) -> [Trigger.Item] {
        if bought.isEmpty, let known = forNewcomers[segment] { return known }
        guard let model = slot.model else { return [] }
        let told = model.recommend(bought, segment: segment) { isAllowed[$0] }.map {
            Trigger.Item(itemID: model.items.string($0.item), score: $0.score, by: $0.by.name)
        }
        if bought.isEmpty { forNewcomers[segment] = told }
        return told
    }

    func write(to out: inout ByteWriter) { slot.write(to: &out) }

    init(from input: inout ByteReader, _ items: ItemSettings) throws(StateError) {
        slot = try ModelSlot(from: &input)
        exclude(items)
    }
}
