// Specification 4's own text, word for word.
// components/ChatInterface.tsx
import React, { useState, useRef, useEffect } from 'react';
import { useChatWebSocket } from '../hooks/useChatWebSocket';
import { ChatMessage } from '../types/chat';

interface ChatInterfaceProps {
  userId: string;
  role: string;
}

export const ChatInterface: React.FC<ChatInterfaceProps> = ({ userId, role }) => {
  const [inputText, setInputText] = useState('');
  const [replyTo, setReplyTo] = useState<number | undefined>();
  const messagesEndRef = useRef<HTMLDivElement>(null);
  
  const {
    connected,
    messages,
    users,
    agentStatuses,
    error,
    sendMessage
  } = useChatWebSocket(userId, role);
  
  // Auto-scroll to bottom
  useEffect(() => {
    messagesEndRef.current?.scrollIntoView({ behavior: 'smooth' });
  }, [messages]);
  
  const handleSendMessage = () => {
    if (!inputText.trim()) return;
    
    // Extract mentions
    const mentions = extractMentions(inputText);
    
    if (sendMessage(inputText, mentions, replyTo)) {
      setInputText('');
      setReplyTo(undefined);
    }
  };
  
  const extractMentions = (text: string): string[] => {
    const mentionRegex = /@(\w+)/g;
    const mentions: string[] = [];
    let match;
    
    while ((match = mentionRegex.exec(text)) !== null) {
      mentions.push(match[1]);
    }
    
    return mentions;
  };
  
  const handleKeyPress = (e: React.KeyboardEvent) => {
    if (e.key === 'Enter' && !e.shiftKey) {
      e.preventDefault();
      handleSendMessage();
    }
  };
  
  const formatTimestamp = (timestamp: Date): string => {
    return timestamp.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  };
  
  const renderMessage = (message: ChatMessage) => {
    const isAgent = users.some(u => u.id === message.sender);
    const agentStatus = agentStatuses.find(s => s.userId === message.sender);
    
    return (
      <div
        key={message.id}
        className={`message ${isAgent ? 'agent-message' : 'user-message'}`}
      >
        <div className="message-header">
          <span className="sender">
            {message.sender}
            {isAgent && (
              <span className={`status-indicator ${agentStatus?.status || 'idle'}`}>
                {agentStatus?.status || 'idle'}
              </span>
            )}
          </span>
          <span className="timestamp">{formatTimestamp(message.timestamp)}</span>
        </div>
        
        <div className="message-content">
          {message.replyTo && (
            <div className="reply-indicator">
              Replying to message #{message.replyTo}
            </div>
          )}
          
          <div className="message-text">
            {renderMessageText(message.text, message.mentions)}
          </div>
          
          {message.mentions.length > 0 && (
            <div className="mentions">
              Mentions: {message.mentions.map(m => `@${m}`).join(', ')}
            </div>
          )}
        </div>
        
        <div className="message-actions">
          <button onClick={() => setReplyTo(message.id)}>Reply</button>
        </div>
      </div>
    );
  };
  
  const renderMessageText = (text: string, mentions: string[]) => {
    // Highlight mentions
    let highlightedText = text;
    mentions.forEach(mention => {
      const regex = new RegExp(`@${mention}`, 'gi');
      highlightedText = highlightedText.replace(
        regex,
        `<span class="mention">@${mention}</span>`
      );
    });
    
    return <div dangerouslySetInnerHTML={{ __html: highlightedText }} />;
  };
  
  return (
    <div className="chat-interface">
      {/* Connection Status */}
      <div className={`connection-status ${connected ? 'connected' : 'disconnected'}`}>
        {connected ? '🟢 Connected' : '🔴 Disconnected'}
        {error && <span className="error"> - {error}</span>}
      </div>
      
      {/* User List */}
      <div className="sidebar">
        <h3>Users & Agents</h3>
        <div className="user-list">
          {users.map(user => {
            const agentStatus = agentStatuses.find(s => s.userId === user.id);
            return (
              <div key={user.id} className={`user-item ${user.status}`}>
                <span className="user-name">{user.id}</span>
                <span className="user-role">({user.role})</span>
                {agentStatus && (
                  <div className="agent-status">
                    <span className={`status ${agentStatus.status}`}>
                      {agentStatus.status}
                    </span>
                    {agentStatus.currentTask && (
                      <div className="current-task">
                        {agentStatus.currentTask}
                        {agentStatus.progress && (
                          <div className="progress-bar">
                            <div 
                              className="progress-fill"
                              style={{ width: `${agentStatus.progress}%` }}
                            />
                          </div>
                        )}
                      </div>
                    )}
                  </div>
                )}
              </div>
            );
          })}
        </div>
      </div>
      
      {/* Messages */}
      <div className="messages-container">
        <div className="messages">
          {messages.map(renderMessage)}
          <div ref={messagesEndRef} />
        </div>
        
        {/* Reply Indicator */}
        {replyTo && (
          <div className="reply-indicator">
            Replying to message #{replyTo}
            <button onClick={() => setReplyTo(undefined)}>Cancel</button>
          </div>
        )}
        
        {/* Input */}
        <div className="message-input">
          <textarea
            value={inputText}
            onChange={(e) => setInputText(e.target.value)}
            onKeyPress={handleKeyPress}
            placeholder="Type a message... Use @username to mention someone"
            disabled={!connected}
          />
          <button 
            onClick={handleSendMessage}
            disabled={!connected || !inputText.trim()}
          >
            Send
          </button>
        </div>
      </div>
    </div>
  );
};
