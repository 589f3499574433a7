/// Writes triggers as the lines subscribers read, keys in the order of the outside contract.
package enum TriggerEncoder {
    /// Appends one line. What does not apply is left out.
    ///
    /// - Parameters:
    ///   - seq: the number the outbox gave.
    ///   - retracts: number of the trigger that this one withdraws, where it is known.
    package static func encode(
        _ trigger: Trigger, seq: Int64, retracts: Int64?, into writer: inout JSONWriter
    ) {
        writer.beginObject()
        encodeHead(trigger, seq: seq, into: &writer)
        encodeText(trigger, into: &writer)
        if let score = trigger.score {
            writer.key("score")
            writer.value(score)
        }
        encode("model", trigger.model, into: &writer)
        encode(trigger.predicted, into: &writer)
        encode(trigger.items, into: &writer)
        encode("message", trigger.message, into: &writer)
        encode("channel", trigger.channel, into: &writer)
        encode("action", trigger.action, into: &writer)
        encode(trigger.coupon, into: &writer)
        encode(trigger.why, into: &writer)
        encodeWords(trigger.why, words(trigger), into: &writer)
        encode("from", trigger.from, into: &writer)
        encode("to", trigger.to, into: &writer)
        if let retracts {
            writer.key("retracts")
            writer.value(retracts)
        }
        encode("group", trigger.group.rawValue, into: &writer)
        writer.endObject()
        writer.newline()
    }

    private static func words(_ trigger: Trigger) -> ReasonWords {
        let isDate = trigger.model?.hasPrefix("repurchase@") ?? false
        return ReasonWords(.init(trigger.language ?? ""), effect: isDate ? .date : .probability)
    }

    /// Appends a trigger that is planned and has neither number nor time of decision.
    package static func encodePlanned(_ trigger: Trigger, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("due")
        writer.value(trigger.due)
        encode("type", trigger.type, into: &writer)
        encode("rule", trigger.rule, into: &writer)
        writer.key("user")
        writer.value(utf8: trigger.user)
        encodeText(trigger, into: &writer)
        encode("model", trigger.model, into: &writer)
        encode(trigger.predicted, into: &writer)
        encode(trigger.items, into: &writer)
        encode("message", trigger.message, into: &writer)
        encode("channel", trigger.channel, into: &writer)
        encode("action", trigger.action, into: &writer)
        encode(trigger.coupon, into: &writer)
        encode("group", trigger.group.rawValue, into: &writer)
        writer.endObject()
    }

    /// Appends the line that stands for an erased user's trigger.
    package static func encodeErased(seq: Int64, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("seq")
        writer.value(seq)
        encode("type", erasedType, into: &writer)
        writer.endObject()
        writer.newline()
    }

    /// The type shown in place of an erased user's trigger.
    package static let erasedType = "erased"

    private static func encodeHead(_ trigger: Trigger, seq: Int64, into writer: inout JSONWriter) {
        writer.key("seq")
        writer.value(seq)
        encode("id", trigger.id.text, into: &writer)
        encode("type", trigger.type, into: &writer)
        encode("rule", trigger.rule, into: &writer)
        if !trigger.user.isEmpty {
            writer.key("user")
            writer.value(utf8: trigger.user)
        }
        writer.key("at")
        writer.value(trigger.at)
        writer.key("due")
        writer.value(trigger.due)
    }

    private static func encode(_ coupon: Trigger.Coupon?, into writer: inout JSONWriter) {
        guard let coupon else { return }
        writer.key("coupon")
        writer.beginObject()
        if !coupon.code.isEmpty { encode("code", coupon.code, into: &writer) }
        writer.key("discount")
        writer.value(coupon.discount)
        writer.endObject()
    }

    private static func encodeText(_ trigger: Trigger, into writer: inout JSONWriter) {
        encode("segment", trigger.segment, into: &writer)
        encode("tier", trigger.tier, into: &writer)
    }

    private static func encode(_ key: StaticString, _ text: String?, into writer: inout JSONWriter) {
        guard let text else { return }
        writer.key(key)
        writer.value(text)
    }

    private static func encode(_ predicted: Trigger.Predicted?, into writer: inout JSONWriter) {
        guard let predicted else { return }
        writer.key("predicted")
        writer.beginObject()
        writer.key("date")
        writer.value(day: predicted.date)
        writer.key("p10")
        writer.value(day: predicted.p10)
        writer.key("p90")
        writer.value(day: predicted.p90)
        writer.endObject()
    }

    /// Appends a member with items; nothing where there are none.
    package static func encode(
        _ items: [Trigger.Item], as name: StaticString = "items", into writer: inout JSONWriter
    ) {
        guard !items.isEmpty else { return }
        writer.key(name)
        writer.beginArray()
        for item in items {
            writer.beginObject()
            encode("item_id", item.itemID, into: &writer)
            writer.key("score")
            writer.value(item.score)
            encode("by", item.by, into: &writer)
            if let quantity = item.quantity {
                writer.key("quantity")
                writer.value(quantity)
            }
            writer.endObject()
        }
        writer.endArray()
    }

    /// Appends the member `why`; nothing where there is no reason.
    package static func encode(_ why: [Trigger.Reason], into writer: inout JSONWriter) {
        guard !why.isEmpty else { return }
        writer.key("why")
        writer.beginArray()
        for reason in why {
            writer.beginObject()
            encode("feature", reason.feature, into: &writer)
            writer.key("value")
            writer.value(reason.value)
            if let contribution = reason.contribution {
                writer.key("contribution")
                writer.value(contribution)
            }
            writer.endObject()
        }
        writer.endArray()
    }
}
