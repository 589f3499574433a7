/// The parts of a trigger that only some have, as compact bytes: what the outbox keeps beside type, rule,
/// user and times.
///
/// A list of fields, each a tag byte and its contents, ascending by tag; strings and lists begin with
/// their length, whole numbers are LEB128, fractions the eight bytes of the `Double`. A tag keeps its
/// meaning for good, for stored triggers are read by later versions.
package enum TriggerBody {
    private enum Tag: UInt8 {
        case occurrence = 1
        case segment, tier, score, model, predicted, items, message, why, from, to, retracts
        /// As `why`, features that are known by number.
        case reasons
        case channel, action, coupon, language
        /// Of the items in their order, not a number where one has none.
        case quantities
    }

    /// - Returns: no bytes where the trigger has none of these parts.
    package static func encode(_ trigger: Trigger) -> [UInt8] {
        var out = Out()
        if trigger.occurrence != 0 {
            out.tag(.occurrence)
            out.whole(UInt64(trigger.occurrence))
        }
        out.field(.segment, trigger.segment)
        out.field(.tier, trigger.tier)
        if let score = trigger.score {
            out.tag(.score)
            out.fraction(score)
        }
        out.field(.model, trigger.model)
        if let predicted = trigger.predicted {
            out.tag(.predicted)
            for day in [predicted.date, predicted.p10, predicted.p90] { out.day(day) }
        }
        encode(trigger.items, into: &out)
        out.field(.message, trigger.message)
        encode(trigger.why, into: &out)
        out.field(.from, trigger.from)
        out.field(.to, trigger.to)
        out.field(.channel, trigger.channel)
        out.field(.action, trigger.action)
        if let coupon = trigger.coupon {
            out.tag(.coupon)
            out.text(coupon.code)
            out.fraction(coupon.discount)
        }
        out.field(.language, trigger.language)
        if trigger.items.contains(where: { $0.quantity != nil }) {
            out.tag(.quantities)
            for item in trigger.items { out.fraction(item.quantity ?? .nan) }
        }
        return out.bytes
    }

    // MARK: Part by part, into bytes at hand

    static func put(segment: String, into bytes: inout [UInt8]) { put(.segment, segment, into: &bytes) }

    static func put(tier: String, into bytes: inout [UInt8]) { put(.tier, tier, into: &bytes) }

    static func put(language: String, into bytes: inout [UInt8]) { put(.language, language, into: &bytes) }

    private static func put(_ tag: Tag, _ name: String, into bytes: inout [UInt8]) {
        bytes.append(tag.rawValue)
        // Names are short; a longer one's length takes more bytes.
        var rest = UInt64(name.utf8.count)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
        bytes.append(contentsOf: name.utf8)
    }

    static func put(items: ArraySlice<Trigger.Item>, into bytes: inout [UInt8]) {
        var out = Out()
        encode(items, into: &out)
        bytes.append(contentsOf: out.bytes)
    }

    /// One to three reasons, of features that are known by number.
    static func put(
        _ first: (feature: KnownFeature, value: Double), _ second: (feature: KnownFeature, value: Double)?,
        _ third: (feature: KnownFeature, value: Double)?, into bytes: inout [UInt8]
    ) {
        withUnsafeTemporaryAllocation(byteCount: 2 + 3 * 9, alignment: 8) { room in
            room[0] = Tag.reasons.rawValue
            room[1] = 1 + (second == nil ? 0 : 1) + (third == nil ? 0 : 1)
            var count = 2
            func put(_ reason: (feature: KnownFeature, value: Double)) {
                room[count] = reason.feature.rawValue
                room.storeBytes(
                    of: reason.value.bitPattern.littleEndian, toByteOffset: count + 1, as: UInt64.self)
                count += 9
            }
            put(first)
            if let second { put(second) }
            if let third { put(third) }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: room[..<count]))
        }
    }

    /// The last part: number of the trigger that this one withdraws.
    package static func retracts(_ seq: Int64) -> [UInt8] {
        var out = Out()
        out.tag(.retracts)
        out.whole(UInt64(seq))
        return out.bytes
    }

    private static func encode(_ items: some Collection<Trigger.Item>, into out: inout Out) {
        guard !items.isEmpty else { return }
        out.tag(.items)
        out.whole(UInt64(items.count))
        for item in items {
            out.text(item.itemID)
            out.fraction(item.score)
            out.text(item.by)
        }
    }

    private static func encode(_ why: [Trigger.Reason], into out: inout Out) {
        guard !why.isEmpty else { return }
        out.tag(.why)
        out.whole(UInt64(why.count))
        for reason in why {
            out.text(reason.feature)
            out.fraction(reason.value)
            out.whole(reason.contribution == nil ? 0 : 1)
            if let contribution = reason.contribution { out.fraction(contribution) }
        }
    }

    /// Puts the parts back into a trigger.
    /// - Returns: the number of the trigger that this one withdraws.
    package static func decode(
        _ bytes: [UInt8], into trigger: inout Trigger
    ) throws(TriggerBodyError) -> Int64? {
        var input = In(bytes: bytes)
        var retracts: Int64?
        while let byte = input.next() {
            guard let tag = Tag(rawValue: byte) else { throw .unknownField(byte) }
            switch tag {
            case .occurrence: trigger.occurrence = UInt32(truncatingIfNeeded: try input.whole())
            case .segment: trigger.segment = try input.text()
            case .tier: trigger.tier = try input.text()
            case .score: trigger.score = try input.fraction()
            case .model: trigger.model = try input.text()
            case .predicted:
                trigger.predicted = Trigger.Predicted(
                    date: try input.day(), p10: try input.day(), p90: try input.day())
            case .items: trigger.items = try decodeItems(&input)
            case .message: trigger.message = try input.text()
            case .why: trigger.why = try decodeReasons(&input)
            case .from: trigger.from = try input.text()
            case .to: trigger.to = try input.text()
            case .retracts: retracts = Int64(truncatingIfNeeded: try input.whole())
            case .reasons: trigger.why.append(contentsOf: try decodeKnown(&input))
            case .channel: trigger.channel = try input.text()
            case .action: trigger.action = try input.text()
            case .coupon:
                trigger.coupon = Trigger.Coupon(code: try input.text(), discount: try input.fraction())
            case .language: trigger.language = try input.text()
            case .quantities:
                for index in trigger.items.indices {
                    let quantity = try input.fraction()
                    if !quantity.isNaN { trigger.items[index].quantity = quantity }
                }
            }
        }
        return retracts
    }

    private static func decodeItems(_ input: inout In) throws(TriggerBodyError) -> [Trigger.Item] {
        var items: [Trigger.Item] = []
        for _ in 0..<(try input.whole()) {
            items.append(
                Trigger.Item(
                    itemID: try input.text(), score: try input.fraction(), by: try input.text()))
        }
        return items
    }

    private static func decodeReasons(_ input: inout In) throws(TriggerBodyError) -> [Trigger.Reason] {
        var reasons: [Trigger.Reason] = []
        for _ in 0..<(try input.whole()) {
            let feature = try input.text()
            let value = try input.fraction()
            let contribution = try input.whole() == 0 ? nil : try input.fraction()
            reasons.append(Trigger.Reason(feature: feature, value: value, contribution: contribution))
        }
        return reasons
    }

    private static func decodeKnown(_ input: inout In) throws(TriggerBodyError) -> [Trigger.Reason] {
        var reasons: [Trigger.Reason] = []
        for _ in 0..<(input.next() ?? 0) {
            guard let byte = input.next(), let feature = KnownFeature(rawValue: byte) else {
                throw .cutShort(at: input.place)
            }
            reasons.append(Trigger.Reason(feature: feature.text, value: try input.fraction()))
        }
        return reasons
    }

    private struct Out {
        var bytes: [UInt8] = []

        mutating func tag(_ tag: Tag) { bytes.append(tag.rawValue) }

        mutating func field(_ tag: Tag, _ text: String?) {
            guard let text else { return }
            self.tag(tag)
            self.text(text)
        }

        mutating func text(_ text: String) {
            whole(UInt64(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        }

        mutating func whole(_ number: UInt64) {
            var rest = number
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }

        mutating func day(_ day: Int32) { whole(UInt64(UInt32(bitPattern: day))) }

        mutating func fraction(_ number: Double) {
            withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
    }

    private struct In {
        let bytes: [UInt8]
        var place = 0

        mutating func next() -> UInt8? {
            guard place < bytes.count else { return nil }
            place += 1
            return bytes[place - 1]
        }

        mutating func whole() throws(TriggerBodyError) -> UInt64 {
            var number: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let byte = next() else { throw .cutShort(at: place) }
                number |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return number }
            }
            throw .badNumber(at: place)
        }

        mutating func day() throws(TriggerBodyError) -> Int32 {
            Int32(bitPattern: UInt32(truncatingIfNeeded: try whole()))
        }

        mutating func text() throws(TriggerBodyError) -> String {
            let count = try whole()
            guard count <= UInt64(bytes.count - place) else { throw .cutShort(at: place) }
            let end = place + Int(count)
            defer { place = end }
            return String(decoding: bytes[place..<end], as: UTF8.self)
        }

        mutating func fraction() throws(TriggerBodyError) -> Double {
            guard bytes.count - place >= 8 else { throw .cutShort(at: place) }
            defer { place += 8 }
            let pattern = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: UInt64.self) }
            return Double(bitPattern: UInt64(littleEndian: pattern))
        }
    }
}

/// Features that a stored reason names by number, which it keeps for good.
package enum KnownFeature: UInt8, Sendable {
    case daysSinceLastEvent = 1
    case daysSinceLast
    case intervalMean

    /// Name in the contract.
    package var text: String {
        switch self {
        case .daysSinceLastEvent: "days_since_last_event"
        case .daysSinceLast: "days_since_last"
        case .intervalMean: ReasonWords.usualGap
        }
    }
}

/// Why stored trigger bytes cannot be read.
package enum TriggerBodyError: Error, Equatable, Sendable {
    case cutShort(at: Int)
    case badNumber(at: Int)
    /// Written by a newer version, or damaged.
    case unknownField(UInt8)
}
