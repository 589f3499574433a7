import Core
import FoundationEssentials

// The answers of the status port other than users, member by member as the contract has them.

extension JSONWriter {
    mutating func value(_ time: EventTime?) {
        if let time { value(time) } else { null() }
    }

    /// `GET /v1/status`.
    mutating func value(_ status: StatusView) {
        beginObject()
        key("version")
        value(status.version)
        key("store")
        value(status.store)
        key("uptime_s")
        value(status.uptimeSeconds)
        key("clock")
        beginObject()
        key("mode")
        value(status.clockMode)
        key("watermark")
        value(status.watermark)
        key("now")
        value(status.now)
        endObject()
        ingest(status)
        key("users")
        value(status.users)
        key("shards")
        value(status.shards)
        key("partitions")
        value(status.partitions)
        counts("journal", status.journal)
        outbox(status)
        if !status.decisions.isEmpty { counts("decisions", status.decisions) }
        if !status.erasures.isEmpty { counts("erasures", status.erasures) }
        sinks(status.sinks)
        models(status.models)
        key("memory_bytes")
        value(status.memoryBytes)
        key("state_bytes")
        value(status.stateBytes)
        endObject()
    }

    private mutating func ingest(_ status: StatusView) {
        key("ingest")
        beginObject()
        for count in status.ingest {
            key(count.name)
            value(count.value)
        }
        counts("rejected_by", status.rejectedBy)
        endObject()
    }

    private mutating func outbox(_ status: StatusView) {
        key("outbox")
        beginObject()
        key("last_seq")
        value(status.outboxLastSeq)
        key("oldest")
        value(status.outboxOldest)
        key("subscribers")
        value(status.subscribers)
        endObject()
    }

    private mutating func sinks(_ sinks: [SinkView]) {
        key("sinks")
        beginArray()
        for sink in sinks {
            beginObject()
            key("name")
            value(sink.name)
            key("type")
            value(sink.type)
            key("state")
            value(sink.state.rawValue)
            for (name, count) in sink.counts {
                key(name)
                value(count)
            }
            key("last_error")
            if let error = sink.lastError { value(error) } else { null() }
            key("last_error_at")
            value(sink.lastErrorAt)
            key("last_delivered_at")
            value(sink.lastDeliveredAt)
            endObject()
        }
        endArray()
    }

    private mutating func models(_ models: [ModelSummary]) {
        key("models")
        beginObject()
        for model in models {
            key(model.name)
            beginObject()
            key("version")
            value(model.version)
            key("fitted_at")
            value(model.fittedAt)
            key("adopted")
            value(model.adopted)
            endObject()
        }
        endObject()
    }

    /// `GET /v1/segments`. Shares are of all users scored.
    mutating func value(_ view: SegmentsView) {
        let scored = view.segments.reduce(0) { $0 + $1.users }
        beginObject()
        key("as_of")
        value(view.asOf)
        key("model")
        if let model = view.model { value(model) } else { null() }
        key("segments")
        beginArray()
        for segment in view.segments { value(segment, scored: scored) }
        endArray()
        value("tiers", view.tiers)
        value("grades", view.grades)
        endObject()
    }

    private mutating func value(_ name: String, _ tiers: [TierView]) {
        key(name)
        beginArray()
        for tier in tiers {
            beginObject()
            key("name")
            value(tier.name)
            key("users")
            value(tier.users)
            key("share")
            value(tier.share)
            key("revenue_share")
            value(tier.revenueShare)
            endObject()
        }
        endArray()
    }

    private mutating func value(_ segment: SegmentView, scored: Int64) {
        beginObject()
        key("id")
        value(segment.id)
        key("name")
        value(segment.name)
        key("users")
        value(segment.users)
        key("share")
        value(scored == 0 ? 0 : Double(segment.users) / Double(scored))
        key("converted_rate")
        if segment.users > 0 { value(Double(segment.converted) / Double(segment.users)) } else { null() }
        key("centroid")
        beginObject()
        for feature in segment.centroid {
            key(feature.name)
            value(feature.value)
        }
        endObject()
        endObject()
    }

    /// A model as `GET /v1/models/NAME` shows it; without candidates as the list of models does.
    mutating func value(_ model: ModelView, history: [ModelView]?) {
        beginObject()
        key("name")
        value(model.name)
        verdict(model)
        key("data")
        beginObject()
        key("users")
        value(model.dataUsers)
        key("from")
        value(model.dataFrom)
        key("to")
        value(model.dataTo)
        endObject()
        key("parameters")
        value(model.parameters)
        key("metrics")
        value(model.metrics)
        key("baseline")
        value(model.baseline)
        if let drift = model.drift {
            key("drift")
            value(drift)
        }
        if let history {
            key("history")
            beginArray()
            for candidate in history {
                beginObject()
                verdict(candidate)
                key("metrics")
                value(candidate.metrics)
                endObject()
            }
            endArray()
        }
        endObject()
    }

    private mutating func verdict(_ model: ModelView) {
        key("version")
        value(model.version)
        key("adopted")
        value(model.adopted)
        key("reason")
        value(model.reason)
        key("fitted_at")
        value(model.fittedAt)
        key("seconds")
        value(model.seconds)
    }

    /// Answer of `POST /v1/models/NAME/refit`.
    mutating func value(_ refit: RefitAnswer) {
        beginObject()
        key("name")
        value(refit.name)
        key("version")
        value(refit.version)
        key("adopted")
        value(refit.adopted)
        key("reason")
        value(refit.reason)
        endObject()
    }

    /// A dead letter. A line that is not UTF-8 is shown with replacement characters and, beside it,
    /// untouched in base64.
    mutating func value(_ letter: DeadLetterView) {
        beginObject()
        key("seq")
        value(letter.seq)
        key("code")
        value(letter.code)
        key("detail")
        value(letter.detail)
        key("line")
        value(utf8: letter.line)
        if String(validating: letter.line, as: UTF8.self) == nil {
            key("line_base64")
            value(Data(letter.line).base64EncodedString())
        }
        key("received_at")
        value(letter.receivedAt)
        endObject()
    }

    /// Answer of `POST /v1/events`. `line` counts the data lines of the body from 0, as `Rejection.line`
    /// does and as the numbers of the ingest port do.
    mutating func value(_ answer: IngestAnswer) {
        beginObject()
        key("accepted")
        value(answer.accepted)
        key("rejected")
        beginArray()
        for rejection in answer.rejected {
            beginObject()
            key("line")
            value(Int64(rejection.line))
            key("code")
            value(rejection.code.text)
            key("detail")
            value(rejection.detail)
            endObject()
        }
        endArray()
        endObject()
    }
}
